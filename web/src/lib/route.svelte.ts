/* The address bar is the page's state: which view, over which time, with which filter, and each view's own choices. So every view
 * can be shared, and the browser's buttons go back and forth. It stands behind the #, which no server and no proxy needs to know.
 *
 *     #/explore?last=1h&q=dst+port+443&by=src_addr
 */
import { clock } from './clock.svelte';
import { LAST_DEFAULT, iso, spanOf, type Span } from './time';

/* What a link to another view takes along. */
const CARRIED = ['last', 'from', 'to', 'q'];

export type Changes = Record<string, string | null | undefined>;

function read(): { path: string[]; params: URLSearchParams } {
	const text = location.hash.replace(/^#\/?/, '');
	const mark = text.indexOf('?');
	const path = (mark < 0 ? text : text.slice(0, mark)).split('/').filter(Boolean).map(safeDecode);
	return { path, params: new URLSearchParams(mark < 0 ? '' : text.slice(mark + 1)) };
}

function safeDecode(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

function write(path: string[], params: URLSearchParams): string {
	const query = params.toString();
	return `#/${path.map(encodeURIComponent).join('/')}${query ? `?${query}` : ''}`;
}

function changed(params: URLSearchParams, changes: Changes): URLSearchParams {
	const next = new URLSearchParams(params);
	for (const [name, value] of Object.entries(changes)) {
		if (value == null || value === '') next.delete(name);
		else next.set(name, value);
	}
	return next;
}

class Route {
	#place = $state.raw(read());

	constructor() {
		addEventListener('hashchange', () => (this.#place = read()));
	}

	/* As it was read from the address bar: behind it for a moment, when that has just changed. */
	get place(): string {
		return write(this.#place.path, this.#place.params);
	}
	get view(): string {
		return this.#place.path[0] ?? 'overview';
	}
	/* What the view is about: the address of a host. */
	get subject(): string {
		return this.#place.path[1] ?? '';
	}
	get(name: string): string | undefined {
		return this.#place.params.get(name) ?? undefined;
	}
	get filter(): string {
		return this.get('q') ?? '';
	}
	/* The span now; live ones move with clock.now. */
	get span(): Span {
		const params = this.#place.params;
		return spanOf(params, params.has('from') ? 0 : clock.now);
	}
	get live(): boolean {
		return !this.#place.params.has('from');
	}

	/* Change some parameters. A choice among a view's settings replaces the entry in the history; a step that a person wants to take
	 * back (a zoom, a filter, a span) is an entry of its own. */
	set(changes: Changes, how: 'replace' | 'step' = 'replace'): void {
		this.#go(write(this.#place.path, changed(this.#place.params, changes)), how);
	}
	href(view: string, changes: Changes = {}, subject?: string): string {
		const kept = new URLSearchParams();
		for (const name of CARRIED) {
			const value = this.#place.params.get(name);
			if (value) kept.set(name, value);
		}
		const path = view === 'overview' ? [] : subject ? [view, subject] : [view];
		return write(path, changed(kept, changes));
	}
	go(view: string, changes: Changes = {}, subject?: string): void {
		this.#go(this.href(view, changes, subject), 'step');
	}

	setSpan(span: { from: number; to: number } | { last: string }): void {
		if ('last' in span) this.set({ from: null, to: null, last: span.last === LAST_DEFAULT ? null : span.last }, 'step');
		else this.set({ last: null, from: iso(Math.floor(span.from / 1000) * 1000), to: iso(Math.ceil(span.to / 1000) * 1000) }, 'step');
	}
	/* Narrow the filter by a test, or to what the test leaves out. */
	refine(test: string, out = false): void {
		this.set({ q: refined(this.filter, test, out) }, 'step');
	}

	#go(hash: string, how: 'replace' | 'step'): void {
		if (hash === location.hash) return;
		if (how === 'step') history.pushState(null, '', hash);
		else history.replaceState(null, '', hash);
		this.#place = read();
	}
}

/* The present filter and one test more; parentheses only where the filter has an "or". */
export function refined(filter: string, test: string, out: boolean): string {
	const addition = out ? `not ${test}` : test;
	if (!filter.trim()) return addition;
	const kept = /(^|[^a-z_])(or|\|\|)([^a-z_]|$)/i.test(filter) ? `(${filter.trim()})` : filter.trim();
	return kept.includes(addition) && !out ? kept : `${kept} and ${addition}`;
}

export const route = new Route();
