import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/* `npm run dev` asks the weir that WEIR_URL names, and this page's changes show at once. */
const backend = process.env.WEIR_URL ?? 'http://127.0.0.1:8055';

export default defineConfig({
	plugins: [svelte()],
	base: './', // so that the page also works below a proxy's path
	server: {
		host: '127.0.0.1',
		proxy: Object.fromEntries(['/api', '/metrics', '/healthz', '/readyz'].map((path) => [path, backend])),
	},
	build: {
		target: 'es2022',
		assetsInlineLimit: 0, // the content security policy refuses data: addresses
		modulePreload: { polyfill: false },
		chunkSizeWarningLimit: 700,
		rollupOptions: {
			output: { manualChunks: (id) => (/node_modules\/(echarts|zrender|tslib)\//.test(id) ? 'charts' : undefined) },
		},
	},
});
