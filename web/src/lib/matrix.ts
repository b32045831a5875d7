/* The matrix as a grid: nodes in rows and columns, edges in cells, and what each cell says besides its colour. */
import type { Edge, Matrix } from './api';
import type { IconName } from './icons';

export type Action = NonNullable<Edge['action']>;
export type Change = NonNullable<Edge['change']>;

export const ACTIONS: { id: Action; label: string; kind: 'good' | 'warn' | 'bad' | 'none'; icon: IconName | null }[] = [
	{ id: 'allow', label: 'allowed', kind: 'good', icon: 'good' },
	{ id: 'alert', label: 'alerts', kind: 'warn', icon: 'warn' },
	{ id: 'deny', label: 'denied', kind: 'bad', icon: 'close' },
	{ id: '', label: 'not judged', kind: 'none', icon: null },
];
export const actionOf = (e: Edge | undefined) => ACTIONS.find((a) => a.id === (e?.action ?? '')) ?? ACTIONS[3]!;

export const CHANGES: Record<Change, string> = { new: 'new', gone: 'gone', more: 'more', less: 'less', same: 'the same' };
const WORST: Action[] = ['deny', 'alert', '', 'allow'];

/* Edges of the same pair (one a service) as one: the sums, the worst action, the earliest sight. */
export function pairs(edges: Edge[]): Edge[] {
	const found = new Map<string, Edge>();
	for (const e of edges) {
		const id = `${e.src}\u0000${e.dst}`;
		const one = found.get(id);
		if (!one) {
			found.set(id, { ...e });
			continue;
		}
		one.bytes += e.bytes;
		one.packets += e.packets;
		one.flows += e.flows;
		if (WORST.indexOf(e.action ?? '') < WORST.indexOf(one.action ?? '')) one.action = e.action ?? '';
		one.first_ms = Math.min(one.first_ms ?? Infinity, e.first_ms ?? Infinity);
		one.new = !!one.new && !!e.new;
		one.approved = !!one.approved && !!e.approved;
	}
	return [...found.values()];
}

/* The largest nodes, by what they send and receive; so many that a grid can be read. */
export function largest(matrix: Matrix, most: number): string[] {
	const sums = new Map<string, number>();
	for (const e of matrix.edges) {
		sums.set(e.src, (sums.get(e.src) ?? 0) + e.bytes + 1);
		sums.set(e.dst, (sums.get(e.dst) ?? 0) + e.bytes + 1);
	}
	return [...sums]
		.sort((a, b) => b[1] - a[1])
		.slice(0, most)
		.map(([name]) => name);
}

export const idOf = (e: { src: string; dst: string; service?: string | undefined }): string => `${e.src}\u0000${e.dst}\u0000${e.service ?? ''}`;
export const nameOf = (node: string): string => node || 'unknown';
