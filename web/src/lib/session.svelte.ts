/* Who looks at the page, and what this server offers. */
import { api, type Session } from './api';
import { Failure, onUnauthorised, setCsrf } from './api/client';

class Visit {
	session = $state.raw<Session>();
	failure = $state.raw<Failure>();
	/* The server wants a name and a password. */
	locked = $state(false);

	constructor() {
		onUnauthorised(() => {
			if (this.session?.login !== 'none') this.locked = true;
		});
	}
	async load(): Promise<void> {
		try {
			this.#take(await api.session());
		} catch (error) {
			this.failure = Failure.of(error);
		}
	}
	async logIn(name: string, password: string): Promise<void> {
		this.#take(await api.logIn(name, password));
	}
	async logOut(): Promise<void> {
		await api.logOut();
		location.reload();
	}
	#take(session: Session): void {
		setCsrf(session.csrf);
		this.session = session;
		this.failure = undefined;
		this.locked = session.role === 'none';
	}
	/* May this person acknowledge, silence, approve? */
	get operator(): boolean {
		return this.session?.role === 'operator' || this.session?.role === 'administrator';
	}
	has(feature: 'events' | 'matrix'): boolean {
		return this.session?.features?.[feature] === true;
	}
}

export const visit = new Visit();
