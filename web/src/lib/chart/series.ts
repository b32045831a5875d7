/* Traffic over time as ECharts options: stacked areas or lines. */
import type { EChartsCoreOption } from 'echarts/core';
import { clockText, dateText, momentText } from '../time';
import { round, text, type Unit } from '../units';
import type { ChartTable } from './Chart.svelte';
import { colourOf, type Palette } from './palette';
import { tip, type TipRow } from './tip';

export interface Line {
	name: string;
	rank: number; // its colour; below 0: all others
	values: (number | null)[]; // in the unit, one a time
	dashed?: boolean;
}

export interface Lines {
	times: number[]; // ms, the start of each step
	step: number; // ms
	from: number;
	to: number;
	unit: Unit;
	lines: Line[];
	steps?: boolean; // drawn as steps: few of them, that are long
}

/* What was received in the last moments may still be on its way to the store: a live chart ends with the last step that is whole, and
 * does not fall to nothing at its edge. */
const SETTLE_MS = 2500;
export function settledSteps(times: number[], step: number, to: number, live: boolean): number {
	let n = times.length;
	while (live && n > 1 && times[n - 1]! + step > to - SETTLE_MS) n--;
	return n;
}

const MARGIN = { left: 8, right: 12, top: 10, bottom: 4 };

export function timeAxis(p: Palette, from: number, to: number): object {
	const days = to - from > 36 * 3600e3;
	return {
		type: 'time',
		min: from,
		max: to,
		axisLine: { lineStyle: { color: p.lineStrong } },
		axisTick: { show: true, length: 3, lineStyle: { color: p.lineStrong } },
		axisLabel: {
			color: p.text3,
			fontFamily: p.font,
			fontSize: p.size,
			hideOverlap: true,
			formatter: (ms: number) => (days ? dayLabel(ms) : clockText(ms, to - from < 600e3)),
		},
		splitLine: { show: false },
	};
}

function dayLabel(ms: number): string {
	const at = clockText(ms, false);
	return at === '00:00' ? dateText(ms).slice(5) : at;
}

export function valueAxis(p: Palette, unit: Unit, lines = 4): object {
	return {
		type: 'value',
		splitNumber: lines,
		axisLabel: { color: p.text3, fontFamily: p.font, fontSize: p.size, formatter: (v: number) => (v === 0 ? '0' : round(v, unit)) },
		splitLine: { lineStyle: { color: p.line, width: 1 } },
	};
}

export const BARE_TOOLTIP = { backgroundColor: 'transparent', borderWidth: 0, padding: 0, confine: true, transitionDuration: 0, extraCssText: 'box-shadow:none' };

/* Stacked lines begin with the largest at the bottom; a tooltip lists them as they are seen, from the top. */
export function linesOption(p: Palette, data: Lines, how: 'area' | 'line', grid = 4): EChartsCoreOption {
	const stacked = how === 'area';
	return {
		grid: { ...MARGIN, containLabel: true },
		xAxis: timeAxis(p, data.from, data.to),
		yAxis: valueAxis(p, data.unit, grid),
		tooltip: {
			...BARE_TOOLTIP,
			trigger: 'axis',
			axisPointer: { type: 'line', lineStyle: { color: p.lineStrong, type: 'solid' } },
			formatter: (items: unknown) => seriesTip(p, data, items, stacked),
		},
		series: data.lines.map((line) => {
			const colour = colourOf(p, line.rank);
			return {
				type: 'line',
				name: line.name,
				stack: stacked && !line.dashed ? 'all' : undefined,
				step: data.steps ? 'end' : false,
				showSymbol: data.times.length === 1 && !data.steps,
				symbolSize: 4,
				sampling: 'lttb',
				lineStyle: { width: stacked && !line.dashed ? 0.75 : 1.5, type: line.dashed ? [5, 4] : 'solid', color: line.dashed ? p.text2 : colour },
				itemStyle: { color: line.dashed ? p.text2 : colour },
				areaStyle: stacked && !line.dashed ? { color: colour, opacity: p.dark ? 0.72 : 0.78 } : undefined,
				emphasis: { disabled: true },
				z: line.dashed ? 5 : 2,
				data: data.steps ? stepPoints(data, line) : line.values.map((v, i) => [middle(data, i), v]),
			};
		}),
	};
}

/* Where a step's value is drawn: its middle, of what of it lies in the window. */
function middle(data: Lines, i: number): number {
	const begin = Math.max(data.times[i] ?? 0, data.from);
	const end = Math.min((data.times[i] ?? 0) + data.step, data.to);
	return (begin + end) / 2;
}

function stepPoints(data: Lines, line: Line): [number, number | null][] {
	const points = line.values.map((v, i): [number, number | null] => [Math.max(data.times[i] ?? 0, data.from), v]);
	const last = line.values[line.values.length - 1];
	return last === undefined ? [] : [...points, [data.to, last]];
}

interface TipItem {
	seriesIndex: number;
	dataIndex: number;
}

function seriesTip(p: Palette, data: Lines, items: unknown, stacked: boolean): HTMLElement | string {
	const list = items as TipItem[];
	const item = list[0];
	if (item === undefined) return '';
	const at = Math.min(item.dataIndex, data.times.length - 1);
	const time = data.times[at] ?? 0;
	const rows: TipRow[] = [];
	let sum = 0;

	for (const { seriesIndex } of [...list].reverse()) {
		const line = data.lines[seriesIndex];
		const value = line?.values[at];
		if (!line || value == null) continue;
		if (!line.dashed) sum += value;
		rows.push({ name: line.name, value: text(value, data.unit), colour: line.dashed ? p.text2 : colourOf(p, line.rank) });
	}
	if (stacked && rows.length > 1) rows.unshift({ name: 'All', value: text(sum, data.unit), strong: true });
	return tip(`${momentText(time)} – ${clockText(time + data.step)}`, rows);
}

export function linesTable(data: Lines): ChartTable {
	const most = 200; // more is for a download
	const every = Math.max(1, Math.ceil(data.times.length / most));
	return {
		head: ['Time', ...data.lines.map((l) => l.name)],
		rows: data.times.flatMap((time, i) =>
			i % every ? [] : [[momentText(time), ...data.lines.map((l) => (l.values[i] == null ? '–' : text(l.values[i]!, data.unit)))]],
		),
	};
}
