/* The matrix as a grid: nodes in rows and columns, edges in cells, and what each cell says besides its colour. */
import type { Edge } from './api';
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

/* Nodes by what they send and receive, the largest first. */
export function nodesOf(edges: Edge[]): string[] {
	const sums = new Map<string, number>();
	for (const e of edges) for (const node of new Set([e.src, e.dst])) sums.set(node, (sums.get(node) ?? 0) + e.bytes + 1);
	return [...sums].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

export const idOf = (e: Edge): string => `${e.src}\u0000${e.dst}\u0000${e.protocol ?? ''}\u0000${e.dst_port ?? ''}`;
/* A service by its name and its number: "https tcp/443". */
const PROTOCOLS: Record<number, string> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 47: 'gre', 50: 'esp', 58: 'ipv6-icmp', 132: 'sctp' };
export const serviceOf = (e: Edge): string => `${e.service ? `${e.service} ` : ''}${PROTOCOLS[e.protocol ?? 0] ?? `protocol ${e.protocol}`}/${e.dst_port}`;
export const nameOf = (node: string): string => node || 'unknown';
