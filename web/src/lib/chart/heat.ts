/* Values over time as a heat map: a row a series, a column a step; each cell's colour is on a scale of the root, so that small
 * ones are seen beside large ones. */
import type { EChartsCoreOption } from 'echarts/core';
import type { Graph, Series } from '../api';
import { keyText } from '../cells';
import { clockText, momentText } from '../time';
import { MEASURES, text, type Quantity } from '../units';
import type { ChartTable } from './Chart.svelte';
import type { Palette } from './palette';
import { BARE_TOOLTIP } from './series';
import { tip } from './tip';

/* All others would outshine every single one. */
function heatRows(graph: Graph): Series[] {
	const single = graph.series.filter((s) => s.key !== null);
	return single.length ? single : [...graph.series];
}

export function heatOption(p: Palette, graph: Graph, quantity: Quantity): EChartsCoreOption {
	const names = graph.dimensions.map((d) => d.name);
	const unit = MEASURES[quantity].rate;
	const rows = heatRows(graph).reverse();
	const most = Math.max(1e-9, ...rows.flatMap((s) => s.values));
	const label = { color: p.text2, fontFamily: p.font, fontSize: p.size };
	return {
		grid: { left: 8, right: 12, top: 8, bottom: 4, containLabel: true },
		xAxis: {
			type: 'category',
			data: graph.times_ms.map((ms) => clockText(ms, graph.interval_ms < 60000)),
			axisLabel: { ...label, hideOverlap: true },
			axisTick: { show: false },
			axisLine: { lineStyle: { color: p.lineStrong } },
		},
		yAxis: {
			type: 'category',
			data: rows.map((s) => (names.length ? keyText(names, s.key) : 'All')),
			axisLabel: { ...label, width: 190, overflow: 'truncate' },
			axisTick: { show: false },
			axisLine: { show: false },
		},
		visualMap: { show: false, min: 0, max: 1, dimension: 2, inRange: { color: p.heat } },
		tooltip: {
			...BARE_TOOLTIP,
			formatter: (item: unknown) => {
				const [x, y] = (item as { value: [number, number, number] }).value;
				const time = graph.times_ms[x] ?? 0;
				const s = rows[y];
				return tip(`${momentText(time)} – ${clockText(time + graph.interval_ms)}`, [{ name: s ? keyText(names, s.key) : '', value: text(s?.values[x] ?? 0, unit) }]);
			},
		},
		series: [
			{
				type: 'heatmap',
				data: rows.flatMap((s, y) => s.values.map((v, x) => [x, y, Math.sqrt(v / most)])),
				itemStyle: { borderWidth: 0.5, borderColor: p.surface },
				emphasis: { itemStyle: { borderColor: p.text, borderWidth: 1 } },
			},
		],
	};
}

export function heatTable(graph: Graph, quantity: Quantity): ChartTable {
	const names = graph.dimensions.map((d) => d.name);
	const unit = MEASURES[quantity].rate;
	return {
		head: ['Series', ...graph.times_ms.map((ms) => clockText(ms, graph.interval_ms < 60000))],
		rows: heatRows(graph).map((s) => [names.length ? keyText(names, s.key) : 'All', ...s.values.map((v) => text(v, unit))]),
	};
}
