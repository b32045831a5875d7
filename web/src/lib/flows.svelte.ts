/* Rows of flows by their number, as a scroll bar asks for them, over any number of rows.
 *
 * A page in the middle of millions would be slow as an offset alone, for the store would sort all rows before it. So the flows are first
 * counted in steps of time (a minute or more, which the sums per minute can answer); a row's number then tells in which steps it
 * lies, and only these are asked for. Another order than that of time has no such steps, and uses offsets. */
import { api, numberOf, type ColumnInfo, type FlowsAsk, type Graph, type Query, type Row } from './api';
import { Failure } from './api/client';
import { iso, type Span } from './time';

const PAGE = 200;
const PAGES_KEPT = 60;
const STEPS: [interval: string, ms: number][] = [
	['1m', 60e3],
	['5m', 300e3],
	['15m', 900e3],
	['1h', 3600e3],
	['6h', 6 * 3600e3],
	['1d', 86400e3],
];
const STEPS_MOST = 1500;

export interface FlowsQuestion {
	span: Span;
	filter: string | undefined;
	columns: string[];
	order: string;
	direction: 'asc' | 'desc';
}

export class FlowRows {
	count = $state(0);
	known = $state(false); // the count has come
	failure = $state.raw<Failure>();
	query = $state.raw<Query>();
	steps = $state.raw<Graph>();
	loading = $state(0);
	#pages = $state.raw(new Map<number, Row[]>());
	#asked = new Set<number>();
	#abort = new AbortController();
	#above: number[] = []; // per step in the order of rows: rows before it

	constructor(readonly question: FlowsQuestion) {
		void this.#begin();
	}
	/* Rows that somebody still waits for are not asked for any longer. */
	stop(): void {
		this.#abort.abort();
	}

	row(index: number): Row | undefined {
		return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
	}
	/* Fetch what is in sight. */
	want(first: number, last: number): void {
		if (!this.known || this.count === 0) return;
		for (let page = Math.floor(first / PAGE); page <= Math.floor(Math.max(first, last - 1) / PAGE); page++) {
			if (this.#asked.has(page) || page * PAGE >= this.count) continue;
			this.#asked.add(page);
			void this.#fetchPage(page);
		}
	}
	/* One row with every column. */
	async whole(index: number): Promise<{ names: string[]; row: Row } | undefined> {
		const answer = await this.#fetch(index, 1, ['all']);
		const row = answer.rows[0] as Row | undefined;
		return row && { names: answer.columns.map((c) => c.name), row };
	}

	get #byTime(): boolean {
		return this.question.order === 'time_received';
	}

	async #begin(): Promise<void> {
		const { span, filter } = this.question;
		const [interval] = STEPS.find(([, ms]) => (span.to - span.from) / ms <= STEPS_MOST) ?? STEPS[STEPS.length - 1]!;
		this.loading++;
		try {
			const graph = await api.graph(span, { metric: 'flows', limit: 0, interval, filter }, this.#abort.signal);
			const order = graph.times_ms.map((_, i) => (this.question.direction === 'desc' ? graph.times_ms.length - 1 - i : i));
			let sum = 0;
			this.#above = order.map((i) => {
				const before = sum;
				sum += graph.total.values[i] ?? 0;
				return before;
			});
			this.steps = graph;
			this.count = sum;
			this.known = true;
			this.want(0, PAGE);
		} catch (error) {
			this.#fail(error);
		} finally {
			this.loading--;
		}
	}

	async #fetchPage(page: number): Promise<void> {
		this.loading++;
		try {
			const answer = await this.#fetch(page * PAGE, PAGE, this.question.columns);
			const pages = new Map(this.#pages);
			pages.set(page, answer.rows as Row[]);
			for (const old of pages.keys()) {
				if (pages.size <= PAGES_KEPT) break;
				if (old === page) continue;
				pages.delete(old);
				this.#asked.delete(old);
			}
			this.#pages = pages;
			this.query = answer.query;
			this.failure = undefined;
		} catch (error) {
			this.#asked.delete(page);
			this.#fail(error);
		} finally {
			this.loading--;
		}
	}

	#fail(error: unknown): void {
		if (!this.#abort.signal.aborted) this.failure = Failure.of(error);
	}

	async #fetch(index: number, limit: number, columns: string[]) {
		const { span, filter, order, direction } = this.question;
		const ask: FlowsAsk = { filter, columns: columns.join(','), order, direction, limit };
		const whole = { from: iso(span.from), to: iso(span.to) };
		if (!this.#byTime) return api.flows(whole, { ...ask, offset: index }, this.#abort.signal);
		const { window, skipped } = this.#windowOf(index, Math.min(limit, this.count - index));
		return api.flows(window, { ...ask, offset: index - skipped }, this.#abort.signal);
	}

	/* The steps that rows [index, index + count) lie in, and how many rows are before them. */
	#windowOf(index: number, count: number): { window: { from: string; to: string }; skipped: number } {
		const graph = this.steps!;
		const above = this.#above;
		let first = 0;
		for (let low = 0, high = above.length - 1; low <= high; ) {
			const middle = (low + high) >> 1;
			if (above[middle]! <= index) {
				first = middle;
				low = middle + 1;
			} else high = middle - 1;
		}
		let last = first;
		while (last + 1 < above.length && above[last + 1]! < index + count) last++;
		const n = above.length;
		const [early, late] = this.question.direction === 'desc' ? [n - 1 - last, n - 1 - first] : [first, last];
		const from = Math.max(graph.window.from_ms, graph.times_ms[early] ?? 0);
		const to = Math.min(graph.window.to_ms, (graph.times_ms[late] ?? 0) + graph.interval_ms);
		return { window: { from: iso(from), to: iso(to) }, skipped: above[first] ?? 0 };
	}
}

/* The groups of a flow's details: by the names of the columns, in this order; what fits none is "More". */
export const GROUPS: { title: string; fits: RegExp }[] = [
	{ title: 'Judgement', fits: /^(rule|action|src_threat|dst_threat)$/ },
	{ title: 'Conversation', fits: /^(src_addr|dst_addr|src_port|dst_port|proto|tcp_flags|ip_version|icmp_.*|service.*|initiator.*|category)$/ },
	{ title: 'How much', fits: /^(bytes|packets|reverse_.*|sampling_rate|duration|bps|pps|bpp)$/ },
	{ title: 'When', fits: /^time_|^flow_end_reason$/ },
	{ title: 'Who and where', fits: /(zone|subnet|role|country|as_name|_as|direction|user_name|application_.*|city|_name)$/ },
	{ title: 'Export', fits: /^(exporter.*|flow_type|observation_domain|sequence_num|template_id|sampler_id)$/ },
	{ title: 'Way', fits: /^(in_|out_|next_hop|bgp_|src_mask|dst_mask|src_vlan|dst_vlan|src_mac|dst_mac|customer_vlan|forwarding)/ },
	{ title: 'More', fits: /./ },
];
export const groupOf = (name: string): string => GROUPS.find((g) => g.fits.test(name))?.title ?? 'More';

export const isEmpty = (value: unknown): boolean =>
	value === null || value === undefined || value === '' || value === '::' || value === '0.0.0.0' || value === 0 || value === '00:00:00:00:00:00' || (typeof value === 'object' && Object.keys(value as object).length === 0);

/* How wide a column is, in rem. */
export function widthOf(column: ColumnInfo | undefined, name: string): number {
	const widths: Partial<Record<ColumnInfo['kind'], number>> = { time: 8, addr: 10.5, mac: 9, proto: 5, flags: 6, bytes: 6, count: 6, text: 9, flow_type: 7.5, duration: 6, rate: 7 };
	return Math.max(widths[column?.kind ?? 'text'] ?? 6, 1.5 + name.length * 0.42);
}
export const numeric = (column: ColumnInfo | undefined): boolean => ['number', 'count', 'bytes', 'rate', 'duration', 'share'].includes(column?.kind ?? '');
export const total = (rows: Row[], at: number): number => rows.reduce((sum, r) => sum + numberOf(r[at]), 0);
