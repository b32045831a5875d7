/* Numbers as people read them: three digits and a prefix, decimal as in the names of links and in the filter language
 * (1 k is 1000). The unit follows from the quantity, so that no view prints a number of its own. */

export type Quantity = 'bytes' | 'packets' | 'flows';
export type Unit = 'bit/s' | 'packets/s' | 'flows/s' | 'B' | 'packets' | 'flows' | '';

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

export interface Amount {
	number: string; // "1.23"
	unit: string; // "Gbit/s"
	text: string; // both, with a narrow no-break space
	exact: string; // the whole number, for whoever points at it
}

/* Three digits that count: 0, 0.12, 1.23, 12.3, 123. Zeros at the end stay, so that columns are even. */
export function digits(value: number): string {
	const size = Math.abs(value);
	if (size === 0) return '0';
	if (size >= 99.95) return value.toFixed(0);
	if (size >= 9.995) return value.toFixed(1);
	return value.toFixed(size >= 0.0995 ? 2 : 3);
}

/* Without zeros at the end: for axes, where numbers are round. */
export function round(value: number, unit: Unit): string {
	const a = amount(value, unit);
	return a.unit ? `${trim(a.number)}\u202f${a.unit}` : trim(a.number);
}

function trim(text: string): string {
	return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/* A prefix stands before a unit that has a sign ("kB", "Mbit/s"), and after the number where the unit is a word. */
export function amount(value: number, unit: Unit = ''): Amount {
	if (!Number.isFinite(value)) return { number: '–', unit: '', text: '–', exact: '' };
	let step = 0;
	let size = Math.abs(value);
	while (size >= 999.5 && step < PREFIXES.length - 1) {
		size /= 1000;
		step++;
	}
	const whole = unit !== 'bit/s' && step === 0 && Number.isInteger(value);
	const number = whole ? String(value) : digits(value < 0 ? -size : size);
	const prefix = PREFIXES[step] ?? '';
	const word = unit === 'packets/s' ? 'pkt/s' : unit;
	const short = word === 'B' || word === 'bit/s' ? prefix + word : word ? `${prefix}${prefix ? '\u202f' : ''}${word}` : prefix;
	return { number, unit: short, text: short ? `${number}\u202f${short}` : number, exact: exact(value) };
}

export const text = (value: number, unit: Unit = ''): string => amount(value, unit).text;

/* The whole number with groups of three, for tooltips and whoever wants it exactly. */
const GROUPED = new Intl.NumberFormat('en', { maximumFractionDigits: 3 });
export const exact = (value: number): string => GROUPED.format(value).replaceAll(',', '\u202f');

export const share = (part: number): string => {
	const percent = part * 100;
	if (percent > 0 && percent < 0.1) return '<\u202f0.1\u202f%';
	return `${percent >= 99.95 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1)}\u202f%`;
};

/* How a quantity is shown: as a rate over time, as a volume in total. */
export interface Measure {
	id: Quantity;
	label: string; // in lists to choose from
	rate: Unit;
	total: Unit;
	factor: number; // of a sum a second to the rate's unit
}
export const MEASURES: Record<Quantity, Measure> = {
	bytes: { id: 'bytes', label: 'Bytes', rate: 'bit/s', total: 'B', factor: 8 },
	packets: { id: 'packets', label: 'Packets', rate: 'packets/s', total: 'packets', factor: 1 },
	flows: { id: 'flows', label: 'Flows', rate: 'flows/s', total: 'flows', factor: 1 },
};
export const quantityOf = (name: string | undefined): Quantity => (name === 'packets' || name === 'flows' ? name : 'bytes');

/* "250 ms", "12 s", "5 min", "3 h 05 min", "4 d 3 h": two parts at most. */
export function duration(ms: number): string {
	if (!Number.isFinite(ms)) return '–';
	if (ms < 1000) return `${Math.round(ms)}\u202fms`;
	const s = ms / 1000;
	if (s < 60) return `${trim(digits(s))}\u202fs`;
	const whole = Math.floor(s);
	const parts: [number, string][] = [
		[Math.floor(whole / 86400), 'd'],
		[Math.floor((whole % 86400) / 3600), 'h'],
		[Math.floor((whole % 3600) / 60), 'min'],
		[whole % 60, 's'],
	];
	const first = parts.findIndex(([n]) => n > 0);
	return parts
		.slice(first, first + 2)
		.filter(([n], i) => i === 0 || n > 0)
		.map(([n, unit]) => `${n}\u202f${unit}`)
		.join(' ');
}
