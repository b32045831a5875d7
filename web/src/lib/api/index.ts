/* The API's questions, with the types that are made from doc/openapi.yaml (`npm run types`). */
import { route } from '../route.svelte';
import { iso, type Span } from '../time';
import { address, get, post, send, type Params } from './client';
import type { components, operations } from './schema';

type Schemas = components['schemas'];
export type Session = Schemas['Session'];
export type Columns = Schemas['Columns'];
export type ColumnInfo = Columns['columns'][number];
export type Kind = Schemas['Kind'];
export type Status = Schemas['Status'];
export type Exporters = Schemas['Exporters'];
export type Exporter = Exporters['exporters'][number];
export type Interface = Exporters['interfaces'][number];
export type Graph = Schemas['Graph'];
export type Series = Schemas['Series'];
export type Top = Schemas['Top'];
export type Flows = Schemas['Flows'];
export type Conversation = Schemas['Conversation'];
export type Host = Schemas['Host'];
export type HostRows = Schemas['HostRows'];
export type RowColumn = Schemas['RowColumn'];
export type Sums = Schemas['Sums'];
export type Query = Schemas['Query'];
export type Running = Schemas['Running'];
export type Event = Schemas['Event'];
export type Events = Schemas['Events'];
export type Matrix = Schemas['Matrix'];
export type Edge = Matrix['edges'][number];
export type Cell = string | number | boolean | null;
export type Row = Cell[];

type Answers<Name extends keyof operations> = operations[Name] extends { responses: { 200: { content: { 'application/json': infer Body } } } } ? Body : never;
export type Devices = Answers<'getDevices'>;
export type Device = Devices['devices'][number];
export type FilterCheck = Answers<'checkFilter'>;
export type Completion = Answers<'completeFilter'>;
type Asks<Name extends keyof operations> = operations[Name] extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;

/* A window that has whole seconds; relative ones end now. Named so that the addresses are the same as long as the clock stands. */
export const windowOf = (span: Span): { from: string; to: string } => ({ from: iso(span.from), to: iso(span.to) });

export type GraphAsk = Omit<Asks<'getGraph'>, 'from' | 'to' | 'last'>;
export type TopAsk = Omit<Asks<'getTop'>, 'from' | 'to' | 'last'>;
export type FlowsAsk = Omit<Asks<'getFlows'>, 'from' | 'to' | 'last'>;

const params = (ask: object): Params => ask as Params;

export const api = {
	session: (signal?: AbortSignal) => get<Session>('session', {}, signal),
	logIn: (name: string, password: string) => post<Session>('session', { name, password }),
	logOut: () => send('DELETE', 'session'),
	columns: () => get<Columns>('columns', {}),
	status: (signal?: AbortSignal) => get<Status>('status', {}, signal),
	exporters: (span: Span | null, signal?: AbortSignal, id?: string) => get<Exporters>('exporters', { ...(span ? windowOf(span) : {}), query_id: id }, signal),
	devices: (collector: string, signal?: AbortSignal) => get<Devices>('devices', { collector }, signal),
	graph: (span: Span, ask: GraphAsk, signal?: AbortSignal) => get<Graph>('graph', { ...windowOf(span), ...params(ask) }, signal),
	top: (span: Span, ask: TopAsk, signal?: AbortSignal) => get<Top>('top', { ...windowOf(span), ...params(ask) }, signal),
	flows: (window: { from: string; to: string }, ask: FlowsAsk, signal?: AbortSignal) => get<Flows>('flows', { ...window, ...params(ask) }, signal),
	conversation: (span: Span, ask: Params, signal?: AbortSignal) => get<Conversation>('flow-conversation', { ...windowOf(span), ...ask }, signal),
	host: (span: Span, addr: string, limit: number, signal?: AbortSignal) =>
		get<Host>(`host/${encodeURIComponent(addr)}`, { ...windowOf(span), limit }, signal),
	checkFilter: (filter: string, signal?: AbortSignal) => get<FilterCheck>('filter/check', { filter: filter || ' ' }, signal),
	complete: (filter: string, at: number, signal?: AbortSignal) => getComplete(filter, at, signal),
	events: (span: Span | null, ask: Params, signal?: AbortSignal) => get<Events>('events', { ...(span ? windowOf(span) : {}), ...ask }, signal),
	acknowledge: (id: string, comment: string) => post<Event>(`events/${encodeURIComponent(id)}/acknowledge`, comment ? { comment } : {}),
	silence: (id: string, length: string, comment: string) =>
		post<Event>(`events/${encodeURIComponent(id)}/silence`, { for: length, ...(comment ? { comment } : {}) }),
	matrix: (span: Span, ask: Params, signal?: AbortSignal) => get<Matrix>('matrix', { ...windowOf(span), ...ask }, signal),
	matrixDiff: (span: Span, ask: Params, signal?: AbortSignal) => get<Matrix>('matrix/diff', { ...windowOf(span), ...ask }, signal),
	approve: (span: Span, edge: { by: string; src: string; dst: string; protocol?: number; dst_port?: number; approved: boolean; comment?: string }) =>
		post<object>('matrix/approve', { ...windowOf(span), ...edge }),
	/* Not query/{id}, whose 404 for a query that has just ended browsers report as an error of the page. */
	running: async (id: string, signal?: AbortSignal): Promise<Running | undefined> =>
		(await get<Answers<'getQueries'>>('queries', {}, signal)).queries.find((q) => q.id === id),
	cancel: (id: string) => send('DELETE', `query/${id}`),
};

function getComplete(filter: string, at: number, signal?: AbortSignal): Promise<Completion> {
	/* An empty filter is a question, too: what may stand at the start. */
	return get<Completion>('filter/complete', filter ? { filter, at, limit: 12 } : { filter: ' ', at: 0, limit: 12 }, signal);
}

/* The address of the same question as a file. */
export const fileAddress = (path: 'graph' | 'top' | 'flows' | 'matrix' | 'matrix/diff', span: Span, ask: object, format: 'csv' | 'ndjson' | 'json'): string =>
	address(path, { ...windowOf(span), ...params(ask), format });

/* An id for a query that is to be followed or ended. */
export const queryId = (): string => `page-${Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, '0')).join('')}`;

/* The filter, or nothing where it is empty. */
export const filterNow = (): string | undefined => route.filter || undefined;

/* Whole numbers above 2^53 come as strings. */
export const numberOf = (value: unknown): number => (typeof value === 'number' ? value : Number(value ?? NaN));
