/* Dark or light: what was chosen here, or else what the system says (public/theme.js decides before the first paint). */
class Theme {
	name = $state<'dark' | 'light'>(document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light');

	constructor() {
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => {
			if (!stored()) this.#show(event.matches ? 'dark' : 'light');
		});
	}
	toggle(): void {
		this.#show(this.name === 'dark' ? 'light' : 'dark');
		try {
			localStorage.setItem('weir.theme', this.name);
		} catch {
			/* storage is off: for this visit */
		}
	}
	#show(name: 'dark' | 'light'): void {
		document.documentElement.dataset.theme = name;
		this.name = name;
	}
}

function stored(): string | null {
	try {
		return localStorage.getItem('weir.theme');
	} catch {
		return null;
	}
}

export const theme = new Theme();
