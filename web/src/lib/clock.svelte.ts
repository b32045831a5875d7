/* The page's clock. `now` moves in steps, when live views are to ask again: as often as their span asks for, never while the page is
 * hidden or paused, and never while a question is still on its way: a store that is slow
 * is busy half of the time at most. */
import { refreshMs, type Span } from './time';

class Clock {
	now = $state(Date.now());
	/* The time of day for ages ("12 s ago"), each second. */
	second = $state(Date.now());
	paused = $state(false);
	pending = $state(0); // questions on their way: #open for who watches
	/* Counted outside of Svelte's state: what is torn down reads the state as it was before the change that tears it down, so that of two
	 * questions that end together one would stay on its way for ever. */
	#open = 0;
	#span: () => Span | null = () => null;
	#last = Date.now();
	#took = 0; // how long the answers of the last round took to come, all of them

	start(span: () => Span | null): void {
		this.#span = span;
		setInterval(() => this.#beat(), 500);
		document.addEventListener('visibilitychange', () => this.#beat());
	}
	/* A question goes on its way, and ends: answered, failed or not wanted any more. */
	began(): void {
		this.pending = ++this.#open;
	}
	ended(): void {
		this.pending = --this.#open;
	}
	/* Ask again at once. */
	touch(): void {
		this.#last = this.now = Date.now();
		this.#took = 0;
	}
	#beat(): void {
		if (document.hidden) return;
		const now = Date.now();
		if (now - this.second >= 900) this.second = now;
		const span = this.#span();
		if (this.pending > 0) this.#took = now - this.#last;
		if (this.paused || this.pending > 0 || !span?.last) return;
		if (now - this.#last >= Math.max(refreshMs(span) - 100, 2 * this.#took)) this.touch();
	}
}

export const clock = new Clock();
