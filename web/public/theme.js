/* Before the first paint, so that a page in the dark does not flash: the theme that was chosen, or else the system's. */
(function () {
	var chosen = null;
	try {
		chosen = localStorage.getItem('weir.theme');
	} catch (_) {
		/* storage is off: the system's */
	}
	var dark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
	document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
