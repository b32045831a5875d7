/* The matrix as a graph: nodes in a circle, edges as wide as the root of their bytes, coloured by action. */
import type { EChartsCoreOption } from 'echarts/core';
import type { Edge } from '../api';
import { actionOf, nameOf } from '../matrix';
import { text } from '../units';
import type { Palette } from './palette';
import { BARE_TOOLTIP } from './series';
import { tip } from './tip';

export function graphOption(p: Palette, nodes: string[], edges: Edge[], selected: Edge | undefined): EChartsCoreOption {
	const known = new Set(nodes);
	const shown = edges.filter((e) => known.has(e.src) && known.has(e.dst) && e.src !== e.dst);
	const most = Math.max(1, ...shown.map((e) => e.bytes));
	const sums = new Map<string, number>();
	for (const e of edges) for (const n of [e.src, e.dst]) sums.set(n, (sums.get(n) ?? 0) + e.bytes);
	const largest = Math.max(1, ...sums.values());
	/* Beside the colour, for those who cannot tell it. */
	const sign = { good: '', warn: '!', bad: '✕', none: '' };
	const colour = { good: p.good, warn: p.warn, bad: p.bad, none: p.rest };
	return {
		tooltip: {
			...BARE_TOOLTIP,
			formatter: (item: unknown) => {
				const { dataType, data } = item as { dataType: string; data: { edge?: Edge; name: string } };
				if (dataType !== 'edge' || !data.edge) return tip(nameOf(data.name), [{ name: 'In and out', value: text(sums.get(data.name) ?? 0, 'B') }]);
				const e = data.edge;
				const action = actionOf(e);
				return tip(`${nameOf(e.src)} → ${nameOf(e.dst)}`, [
					{ name: action.label, value: text(e.bytes, 'B'), colour: colour[action.kind] },
					{ name: 'Flows', value: text(e.flows) },
					...(e.new ? [{ name: 'New edge', value: '' }] : []),
				]);
			},
		},
		series: [
			{
				type: 'graph',
				layout: 'circular',
				circular: { rotateLabel: false },
				left: '14%',
				right: '14%',
				top: 40,
				bottom: 40,
				roam: false,
				edgeSymbol: ['none', 'arrow'],
				edgeSymbolSize: [0, 8],
				label: { show: true, position: 'right', color: p.text, fontFamily: p.font, fontSize: p.size + 2, fontWeight: 500, backgroundColor: p.surface, padding: [1, 3], borderRadius: 3, formatter: (item: unknown) => nameOf((item as { name: string }).name) },
				itemStyle: { color: p.accent, borderColor: p.surface, borderWidth: 2 },
				emphasis: { focus: 'adjacency' },
				data: nodes.map((name) => ({ name, symbolSize: 12 + 22 * Math.sqrt((sums.get(name) ?? 0) / largest) })),
				links: shown.map((e) => ({
					source: e.src,
					target: e.dst,
					edge: e,
					label: { show: sign[actionOf(e).kind] !== '', formatter: sign[actionOf(e).kind], color: colour[actionOf(e).kind], fontSize: p.size + 4, fontWeight: 700 },
					lineStyle: {
						color: colour[actionOf(e).kind],
						width: 1 + 7 * Math.sqrt(e.bytes / most),
						opacity: selected && (selected.src !== e.src || selected.dst !== e.dst) ? 0.18 : 0.7,
						curveness: 0.18,
						type: e.new ? [6, 4] : 'solid',
					},
				})),
			},
		],
	};
}
