/* The design's colours for what is drawn on a canvas, read from the variables of styles/tokens.css. */
import { theme } from '../theme.svelte';

export const SERIES_COLOURS = 10;

export interface Palette {
	dark: boolean;
	font: string;
	size: number; // px of small text
	text: string;
	text2: string;
	text3: string;
	line: string;
	lineStrong: string;
	surface: string;
	raised: string;
	accent: string;
	good: string;
	warn: string;
	bad: string;
	series: string[];
	rest: string;
	heat: string[];
}

/* For $derived: reads the theme, so that charts follow it. */
export function palette(): Palette {
	const dark = theme.name === 'dark';
	const style = getComputedStyle(document.documentElement);
	const get = (name: string): string => style.getPropertyValue(name).trim();
	const root = parseFloat(style.fontSize) || 16;
	return {
		dark,
		font: get('--font'),
		size: Math.round(root * 0.6875),
		text: get('--text'),
		text2: get('--text-2'),
		text3: get('--text-3'),
		line: get('--line'),
		lineStrong: get('--line-strong'),
		surface: get('--surface'),
		raised: get('--raised'),
		accent: get('--accent'),
		good: get('--good'),
		warn: get('--warn'),
		bad: get('--bad'),
		series: Array.from({ length: SERIES_COLOURS }, (_, i) => get(`--series-${i + 1}`)),
		rest: get('--series-rest'),
		heat: Array.from({ length: 5 }, (_, i) => get(`--heat-${i}`)),
	};
}

/* Colours follow the rank; what stands for all others is grey. */
export const colourOf = (p: Palette, rank: number): string => (rank < 0 ? p.rest : (p.series[rank % p.series.length] ?? p.rest));
export const colourVar = (rank: number): string => (rank < 0 ? 'var(--series-rest)' : `var(--series-${(rank % SERIES_COLOURS) + 1})`);
