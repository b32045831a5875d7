/* How traffic divides over two or more dimensions: a column of nodes for each. */
import type { EChartsCoreOption } from 'echarts/core';
import { numberOf, type Cell, type Top } from '../api';
import { named } from '../cells';
import { label } from '../columns.svelte';
import { sumOf, total } from '../measure';
import { MEASURES, amount, share, type Quantity } from '../units';
import type { ChartTable } from './Chart.svelte';
import { colourOf, type Palette } from './palette';
import { BARE_TOOLTIP } from './series';
import { tip } from './tip';

/* What a click on a node or link means: these values of these dimensions. */
export interface SankeyPick {
	names: string[];
	values: Cell[];
}

interface Row {
	values: Cell[];
	amount: number;
}

function rowsOf(top: Top, by: string[], quantity: Quantity): Row[] {
	const at = by.length + { bytes: 0, packets: 1, flows: 2 }[quantity];
	return top.rows.map((row) => ({ values: (row as Cell[]).slice(0, by.length), amount: numberOf(row[at]) }));
}

export function sankeyOption(p: Palette, top: Top, by: string[], quantity: Quantity): EChartsCoreOption {
	const rows = rowsOf(top, by, quantity);
	const all = sumOf(top.total, quantity);
	const nodes = new Map<string, { name: string; itemStyle: object; said: string; depth: number } & SankeyPick>();
	const links = new Map<string, { source: string; target: string; value: number } & SankeyPick>();
	const ranks = new Map<string, number>();

	const nodeAt = (depth: number, value: Cell): string => {
		const id = `${depth} ${String(value)}`;
		if (!nodes.has(id)) {
			if (depth === 0) ranks.set(id, ranks.size);
			const colour = depth === 0 ? colourOf(p, ranks.get(id) ?? 0) : p.rest;
			nodes.set(id, { name: id, depth, said: named(by[depth]!, value), itemStyle: { color: colour, borderWidth: 0 }, names: [by[depth]!], values: [value] });
		}
		return id;
	};
	for (const row of rows) {
		for (let i = 0; i + 1 < by.length; i++) {
			const source = nodeAt(i, row.values[i] ?? '');
			const target = nodeAt(i + 1, row.values[i + 1] ?? '');
			const id = `${source}\u0000${target}`;
			const link = links.get(id);
			if (link) link.value += row.amount;
			else links.set(id, { source, target, value: row.amount, names: [by[i]!, by[i + 1]!], values: [row.values[i] ?? '', row.values[i + 1] ?? ''] });
		}
	}
	const said = (id: string): string => nodes.get(id)?.said ?? id;
	return {
		tooltip: {
			...BARE_TOOLTIP,
			trigger: 'item',
			formatter: (item: unknown) => {
				const { dataType, data, value } = item as { dataType: string; data: { source: string; target: string; name: string }; value: number };
				const title = dataType === 'edge' ? `${said(data.source)} → ${said(data.target)}` : said(data.name);
				return tip(title, [{ name: share(all > 0 ? value / all : 0), value: amount(value, MEASURES[quantity].total).text }], 'Click: only this');
			},
		},
		series: [
			{
				type: 'sankey',
				left: 8,
				right: 150,
				top: 8,
				bottom: 8,
				nodeWidth: 12,
				nodeGap: 6,
				draggable: false,
				layoutIterations: 48,
				emphasis: { focus: 'adjacency' },
				label: { color: p.text, fontFamily: p.font, fontSize: p.size + 1, formatter: (item: unknown) => said((item as { name: string }).name), width: 170, overflow: 'truncate' },
				lineStyle: { color: 'source', opacity: p.dark ? 0.4 : 0.32, curveness: 0.5 },
				data: [...nodes.values()],
				links: [...links.values()],
			},
		],
	};
}

export function sankeyTable(top: Top, by: string[], quantity: Quantity): ChartTable {
	const all = sumOf(top.total, quantity);
	return {
		head: [by.map(label).join(' → '), MEASURES[quantity].label, 'Share'],
		rows: rowsOf(top, by, quantity).map((r) => [
			r.values.map((v, i) => named(by[i]!, v)).join(' → '),
			total({ bytes: r.amount, packets: r.amount, flows: r.amount }, quantity).text,
			share(all > 0 ? r.amount / all : 0),
		]),
	};
}
