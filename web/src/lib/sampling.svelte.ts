/* Which exporters sample, and how: asked once a minute at most, for the note that explains estimates. */
import { api } from './api';

class Sampling {
	list = $state.raw<{ addr: string; rate: number }[]>([]);
	#asked = 0;

	look(now: number): void {
		if (now - this.#asked < 60000) return;
		this.#asked = now;
		void api
			.exporters(null)
			.then(({ exporters }) => {
				this.list = exporters.filter((e) => (e.sampling_rate ?? 1) > 1).map((e) => ({ addr: e.exporter_addr ?? 'an exporter', rate: e.sampling_rate ?? 1 }));
			})
			.catch(() => (this.#asked = 0));
	}
}

export const sampling = new Sampling();
