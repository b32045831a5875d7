/* Spans of time: how they stand in the address bar, and how they are read. A span is half open, [from, to), over the time at
 * which flows were received. Relative spans move with the clock and are live. */

export interface Span {
	from: number; // ms since 1970
	to: number;
	last?: string; // "1h": relative, ends now
}

const UNIT_MS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 };

export const PRESETS: { last: string; label: string }[] = [
	{ last: '5m', label: '5 minutes' },
	{ last: '15m', label: '15 minutes' },
	{ last: '1h', label: '1 hour' },
	{ last: '3h', label: '3 hours' },
	{ last: '6h', label: '6 hours' },
	{ last: '12h', label: '12 hours' },
	{ last: '24h', label: '24 hours' },
	{ last: '2d', label: '2 days' },
	{ last: '7d', label: '7 days' },
	{ last: '30d', label: '30 days' },
	{ last: '90d', label: '90 days' },
	{ last: '365d', label: '1 year' },
];
export const LAST_DEFAULT = '1h';

export function parseLast(text: string): number | null {
	const match = /^(\d{1,6})([smhdw])$/.exec(text.trim());
	if (!match) return null;
	return Number(match[1]) * (UNIT_MS[match[2]!] ?? 0) || null;
}

export function lastLabel(last: string): string {
	return PRESETS.find((p) => p.last === last)?.label ?? last;
}

/* From the address bar's parameters; whatever cannot be read is the default. */
export function spanOf(params: URLSearchParams, now: number): Span {
	const from = Date.parse(params.get('from') ?? '');
	const to = Date.parse(params.get('to') ?? '');
	if (Number.isFinite(from) && Number.isFinite(to) && from < to) return { from, to };
	const last = params.get('last') ?? LAST_DEFAULT;
	const length = parseLast(last);
	if (!length) return { from: now - 3600e3, to: now, last: LAST_DEFAULT };
	return { from: now - length, to: now, last };
}

/* Whole seconds where they do, milliseconds else: short addresses. */
export const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');

const pad = (n: number, width = 2): string => String(n).padStart(width, '0');

export const clockText = (ms: number, withSeconds = true): string => {
	const d = new Date(ms);
	return `${pad(d.getHours())}:${pad(d.getMinutes())}${withSeconds ? `:${pad(d.getSeconds())}` : ''}`;
};
export const dateText = (ms: number): string => {
	const d = new Date(ms);
	return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
};
export const momentText = (ms: number): string => `${dateText(ms)} ${clockText(ms)}`;
const fraction = (ms: number): string => pad(new Date(ms).getMilliseconds(), 3);
export const momentFine = (ms: number): string => `${momentText(ms)}.${fraction(ms)}`;
export const clockFine = (ms: number): string => `${clockText(ms)}.${fraction(ms)}`;

/* A time of the API (RFC 3339 or ClickHouse's text in UTC) in milliseconds. */
export function parseTime(text: unknown): number {
	if (typeof text === 'number') return text;
	if (typeof text !== 'string' || !text) return NaN;
	const withZone = /[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`;
	return Date.parse(withZone);
}

export function spanText(span: Span): string {
	if (span.last) return `Last ${lastLabel(span.last)}`;
	const sameDay = dateText(span.from) === dateText(span.to);
	return `${dateText(span.from)} ${clockText(span.from)} – ${sameDay ? '' : `${dateText(span.to)} `}${clockText(span.to)}`;
}

/* "12 s ago". */
export function agoText(ms: number, now: number): string {
	const s = Math.max(0, Math.round((now - ms) / 1000));
	if (!Number.isFinite(s)) return 'never';
	if (s < 2) return 'now';
	if (s < 120) return `${s}\u202fs ago`;
	if (s < 7200) return `${Math.round(s / 60)}\u202fmin ago`;
	if (s < 172800) return `${Math.round(s / 3600)}\u202fh ago`;
	return `${Math.round(s / 86400)}\u202fd ago`;
}

/* How often a live view asks again: what is looked at over a day need not move every second. */
export function refreshMs(span: Span): number {
	const length = span.to - span.from;
	if (length <= 3600e3) return 2000;
	if (length <= 6 * 3600e3) return 5000;
	if (length <= 86400e3) return 15000;
	return 60000;
}

/* What the fields for a start and an end of one's own take: "2026-01-31 12:00", in local time. */
export function parseLocal(text: string): number {
	const match = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text.trim());
	if (!match) return NaN;
	const [, y, mo, d, h = '0', mi = '0', s = '0'] = match;
	return new Date(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s)).getTime();
}
