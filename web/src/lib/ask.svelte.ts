/* A question to the API that follows the page's state: it is asked again when what it reads changes, and the one before it is
 * cancelled (the server then ends its query, too). The last answer stays until the next has come, so that nothing flickers. */
import { clock } from './clock.svelte';
import { queryId } from './api';
import { Failure } from './api/client';

/* id names the query at the server, for its progress. */
export type Question<T> = (signal: AbortSignal, id: string) => Promise<T>;

export class Answer<T> {
	data = $state.raw<T | undefined>(undefined);
	failure = $state.raw<Failure | undefined>(undefined);
	loading = $state(false);
	/* For longer than a moment: worth showing. */
	slow = $state(false);
	id = '';
	cancel: () => void = () => {};
}

/* call() reads the state and returns the question, or null where there is nothing to ask. For a component's start only. */
export function ask<T>(call: () => Question<T> | null): Answer<T> {
	const answer = new Answer<T>();

	$effect(() => {
		const question = call();
		if (!question) {
			answer.data = undefined;
			answer.failure = undefined;
			return;
		}
		const abort = new AbortController();
		const timer = setTimeout(() => (answer.slow = true), 400);
		const end = () => {
			clearTimeout(timer);
			answer.loading = false;
			answer.slow = false;
			clock.ended();
		};
		let open = true;
		answer.loading = true;
		answer.id = queryId();
		answer.cancel = () => {
			if (!open) return;
			open = false;
			abort.abort();
			end();
			answer.failure = new Failure('The query was cancelled', 'Narrow the filter or the span, or ask again.');
		};
		clock.began();
		question(abort.signal, answer.id)
			.then((data) => {
				if (!open) return;
				answer.data = data;
				answer.failure = undefined;
			})
			.catch((error: unknown) => {
				if (open) answer.failure = Failure.of(error);
			})
			.finally(() => {
				if (!open) return;
				open = false;
				end();
			});
		return () => {
			if (!open) return;
			open = false;
			abort.abort();
			end();
		};
	});
	return answer;
}
