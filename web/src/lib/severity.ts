/* Severities of events, the worst first: a shape and a colour each. */
import type { Event } from './api';
import type { IconName } from './icons';

export type Severity = Event['severity'];

export const SEVERITIES: { id: Severity; label: string; kind: 'bad' | 'warn' | 'info'; icon: IconName }[] = [
	{ id: 'critical', label: 'Critical', kind: 'bad', icon: 'bad' },
	{ id: 'high', label: 'High', kind: 'bad', icon: 'warn' },
	{ id: 'medium', label: 'Medium', kind: 'warn', icon: 'warn' },
	{ id: 'low', label: 'Low', kind: 'info', icon: 'info' },
	{ id: 'info', label: 'Info', kind: 'info', icon: 'info' },
];
export const severity = (id: Severity) => SEVERITIES.find((s) => s.id === id) ?? SEVERITIES[4]!;
