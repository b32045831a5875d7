/* How the page talks to weir: JSON over the same API that scripts use (doc/openapi.yaml), below the page's own address, so that it
 * also works behind a proxy's path. */

/* What is empty is left out; [''] is an empty text that is meant. */
export type Params = Record<string, string | number | boolean | [string] | null | undefined>;

/* What went wrong, in the words of the API: what, where, and what to do next. */
export class Failure extends Error {
	constructor(
		readonly what: string,
		readonly next = '',
		readonly where = '',
		readonly status = 0,
		readonly place?: { at: number; length: number }, // in the filter's text
	) {
		super(what);
	}
	static of(error: unknown): Failure {
		if (error instanceof Failure) return error;
		if (error instanceof TypeError)
			return new Failure('weir does not answer', 'Is weir run still at work on that machine? The page asks again by itself.');
		return new Failure(error instanceof Error ? error.message : String(error));
	}
}

export function address(path: string, params: Params = {}): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(params)) {
		if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
	}
	const text = query.toString();
	return `api/v1/${path}${text ? `?${text}` : ''}`;
}

interface ErrorBody {
	message?: string;
	next?: string;
	where?: string;
	code?: string;
	at?: number;
	len?: number;
}

async function failureOf(response: Response): Promise<Failure> {
	let body: ErrorBody = {};
	try {
		body = ((await response.json()) as { error?: ErrorBody }).error ?? {};
	} catch {
		/* not of the API: a proxy's page */
	}
	const place = body.at === undefined ? undefined : { at: body.at, length: body.len ?? 1 };
	return new Failure(body.message ?? `The server answered ${response.status}`, body.next, body.where, response.status, place);
}

let csrf = '';
export const setCsrf = (token: string | undefined): void => void (csrf = token ?? '');
/* Called when the server wants a person to log in. */
let unauthorised = (): void => {};
export const onUnauthorised = (call: () => void): void => void (unauthorised = call);

async function answerOf<T>(response: Response): Promise<T> {
	if (response.status === 401) unauthorised();
	if (!response.ok) throw await failureOf(response);
	return (await response.json()) as T;
}

const URL_MAX = 6000; // what all servers and proxies take

/* A GET; the same as a POST where its parameters are too long for an address. */
export async function get<T>(path: string, params: Params, signal?: AbortSignal): Promise<T> {
	const url = address(path, params);
	if (url.length > URL_MAX) return post<T>(path, params, signal);
	return answerOf<T>(await fetch(url, { signal: signal ?? null, headers: { accept: 'application/json' } }));
}

export async function post<T>(path: string, body: object, signal?: AbortSignal): Promise<T> {
	return answerOf<T>(await send('POST', path, body, signal));
}

export async function send(method: 'POST' | 'DELETE', path: string, body?: object, signal?: AbortSignal): Promise<Response> {
	const headers: Record<string, string> = { accept: 'application/json' };
	if (body) headers['content-type'] = 'application/json';
	if (csrf) headers['x-weir-csrf'] = csrf;
	return fetch(address(path), { method, headers, body: body ? JSON.stringify(body) : null, signal: signal ?? null });
}
