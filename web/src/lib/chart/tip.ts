/* What a chart's tooltip holds. It is made of elements, not of text with styles in it, which the content security policy refuses. */
export interface TipRow {
	colour?: string;
	name: string;
	value: string;
	strong?: boolean;
}

export function tip(title: string, rows: TipRow[], note?: string): HTMLElement {
	const box = document.createElement('div');
	box.className = 'tip';
	box.append(element('div', 'tip-title', title));
	for (const row of rows) {
		const line = element('div', row.strong ? 'tip-row strong' : 'tip-row');
		const mark = element('i', 'tip-mark');
		if (row.colour) mark.style.background = row.colour;
		line.append(mark, element('span', 'tip-name', row.name), element('b', 'tip-value', row.value));
		box.append(line);
	}
	if (note) box.append(element('div', 'tip-note', note));
	return box;
}

function element(tag: string, className: string, text?: string): HTMLElement {
	const e = document.createElement(tag);
	e.className = className;
	if (text !== undefined) e.textContent = text;
	return e;
}
