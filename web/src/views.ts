/* The views: a row each. */
import type { Component } from 'svelte';
import type { IconName } from './lib/icons';

export interface View {
	id: string; // in the address bar
	label: string;
	help: string;
	icon?: IconName; // without one it is reached from other views alone
	key?: string; // behind "g"
	load: () => Promise<{ default: Component }>;
}

export const VIEWS: View[] = [
	{ id: 'overview', label: 'Overview', help: 'Traffic at a glance', icon: 'overview', key: 'o', load: () => import('./views/Overview.svelte') },
	{ id: 'explore', label: 'Explore', help: 'Any dimensions over any span', icon: 'explore', key: 'e', load: () => import('./views/Explore.svelte') },
	{ id: 'flows', label: 'Flows', help: 'The flows themselves', icon: 'flows', key: 'f', load: () => import('./views/Flows.svelte') },
	{ id: 'matrix', label: 'Matrix', help: 'Who talks to whom', icon: 'matrix', key: 'm', load: () => import('./views/Matrix.svelte') },
	{ id: 'events', label: 'Events', help: 'What needs attention', icon: 'events', key: 'v', load: () => import('./views/Events.svelte') },
	{ id: 'exporters', label: 'Exporters', help: 'Who sends flows, and how well', icon: 'exporters', key: 'x', load: () => import('./views/Exporters.svelte') },
	{ id: 'host', label: 'Host', help: 'All about an address', load: () => import('./views/Host.svelte') },
];

export const viewOf = (id: string): View => VIEWS.find((v) => v.id === id) ?? VIEWS[0]!;
