/* Severities of events, the worst first: a shape and a colour each. */
import type { Event } from './api';
import type { IconName } from './icons';

export type Severity = Event['severity'];

export const SEVERITIES: { id: Severity; label: string; kind: 'bad' | 'warn' | 'info'; icon: IconName }[] = [
	{ id: 'critical', label: 'Critical', kind: 'bad', icon: 'bad' },
	{ id: 'error', label: 'Error', kind: 'bad', icon: 'warn' },
	{ id: 'warning', label: 'Warning', kind: 'warn', icon: 'warn' },
	{ id: 'notice', label: 'Notice', kind: 'info', icon: 'info' },
	{ id: 'info', label: 'Info', kind: 'info', icon: 'info' },
];
export const severity = (id: Severity) => SEVERITIES.find((s) => s.id === id) ?? SEVERITIES[4]!;
