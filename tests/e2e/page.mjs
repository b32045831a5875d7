/* The page in a real browser, for test_page.py: node page.mjs WHAT.json
 *
 * It looks at each view as a person would (by roles and labels), and prints what it saw as JSON: the numbers, for the test to compare
 * with the store's; and whatever is wrong in itself: errors on the console, violations of accessibility (axe-core), content that is
 * wider than the window. Nothing is waited for by time: a view is there when no question is on its way. */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const what = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const require = createRequire(what.modules);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const DEADLINE = 30000;
const WIDTHS = [
	[360, 780],
	[1440, 900],
	[3840, 2160],
];

const wrong = [];
const seen = {};
const seconds = {};
const browser = await chromium.launch({ executablePath: what.chromium, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light', timezoneId: 'UTC', reducedMotion: 'reduce' });
context.setDefaultTimeout(DEADLINE);
const page = await context.newPage();
let view = '';
/* What the browser itself says of an answer that was meant to be a refusal. */
let refusals = false;
const meant = (text) => refusals && /Failed to load resource.* status of (401|403|429)/.test(text);
page.on('console', (m) => ['error', 'warning'].includes(m.type()) && !meant(m.text()) && wrong.push(`${view}: console: ${m.text()}`));
page.on('pageerror', (error) => wrong.push(`${view}: ${error.stack}`));
page.on('request', (r) => r.url().startsWith(what.base) || wrong.push(`${view}: asks another host: ${r.url()}`));

const number = (text) => Number((text ?? '').replaceAll(/[^0-9.\-]/g, ''));
const settled = () => page.waitForFunction(() => document.querySelector('.page')?.dataset.pending === '0' && !document.querySelector('[aria-busy=true]'), null, { timeout: DEADLINE });

async function open(name, path, params = {}) {
	view = name;
	const query = new URLSearchParams({ from: what.from, to: what.to, ...params });
	await page.goto(`${what.base}/#/${path}?${query}`);
	await page.waitForFunction((id) => {
		const main = document.querySelector('main');
		const at = (hash) => new URLSearchParams(hash?.split('?')[1]).toString();
		return main?.dataset.view === id && at(main.dataset.place) === at(location.hash);
	}, path.split('/')[0] || 'overview');
	await settled();
}

async function accessible(where) {
	await page.evaluate(axe);
	const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
	for (const v of violations)
		wrong.push(`${where}: ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} (${n.any.map((a) => a.message).join('; ').slice(0, 200)})`).join(', ')}`);
}

/* Accessible in light at the usual width and in dark at the widest; nothing wider than the window at any. */
async function everyWidth() {
	for (const [width, height] of WIDTHS) {
		await page.setViewportSize({ width, height });
		await settled();
		/* A chart or list may take a moment to follow. */
		await page.waitForFunction(() => document.documentElement.scrollWidth <= window.innerWidth, null, { timeout: 10000 }).catch(() => {});
		const wide = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
		if (wide[0] > wide[1]) wrong.push(`${view}: ${wide[0]} pixels wide in a window of ${wide[1]}`);
		if (what.pictures) await page.screenshot({ path: `${what.pictures}/${view}-${width}.png` });
		if (width === 360) continue;
		await page.evaluate((theme) => (document.documentElement.dataset.theme = theme), width === 3840 ? 'dark' : 'light');
		await accessible(`${view} at ${width}`);
	}
	await page.evaluate(() => (document.documentElement.dataset.theme = 'light'));
	await page.setViewportSize({ width: 1440, height: 900 });
	await settled();
}

/* Rows of a list of the largest: the value's words and its exact amount. */
async function ranking(title) {
	const panel = page.getByRole('region', { name: title, exact: true });
	await panel.scrollIntoViewIfNeeded();
	await panel.locator('li .amount').first().waitFor();
	await settled();
	return panel.locator('li').evaluateAll((rows) => rows.map((r) => [r.querySelector('.name').innerText.trim(), r.querySelector('.amount').title]));
}
const figure = async (label) => number(await page.locator('.stat', { has: page.getByText(label, { exact: true }) }).locator('.value').getAttribute('title'));

const VIEWS = {
	async overview() {
		await open('overview', '');
		seen.overview = {
			sources: await ranking('Sources'),
			services: await ranking('Services'),
			stored: await figure('Stored'),
			exporters: await figure('Exporters'),
		};
		await page.getByRole('button', { name: 'Flows', exact: true }).click();
		await settled();
		seen.overview.by_flows = await ranking('Sources');
		await everyWidth();
	},

	async explore() {
		await open('explore', 'explore', { by: 'proto', compare: 'previous' });
		seen.explore = {};
		seen.explore.proto = await page.locator('.legend tbody tr').evaluateAll((rows) => rows.map((r) => [r.querySelector('th').innerText, r.querySelectorAll('td.wide')[1].title]));
		await page.getByRole('button', { name: 'SQL' }).click();
		seen.explore.sql = await page.locator('dialog pre').innerText();
		await page.keyboard.press('Escape');
		await everyWidth();

		/* A drag over the chart narrows the span, and the browser's button widens it again. */
		const before = page.url();
		const box = await page.locator('.canvas').boundingBox();
		await page.mouse.move(box.x + box.width * 0.4, box.y + box.height / 2);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2, { steps: 4 });
		await page.mouse.up();
		await page.waitForFunction((old) => location.href !== old, before);
		seen.explore.zoomed = new URLSearchParams(page.url().split('?')[1]).get('from') > what.from;
		await page.goBack();
		await settled();

		/* The same as a file, by a click. */
		seen.explore.files = [];
		for (const name of ['CSV', 'JSON']) {
			const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name, exact: true }).click()]);
			seen.explore.files.push(readFileSync(await download.path(), 'utf8'));
		}

		/* A question that takes long says how far it is, and is ended by a click. The answer is held back here, for no question is slow. */
		let asked;
		await page.route('**/api/v1/graph?*', (r) => (asked = new URL(r.request().url()).searchParams.get('query_id')));
		await page.route('**/api/v1/queries', (r) =>
			r.fulfill({ json: { queries: asked ? [{ id: asked, state: 'running', what: 'graph', user: '', elapsed_ms: 3000, read_rows: 250, total_rows: 1000 }] : [] } }),
		);
		await page.getByLabel('compared with').selectOption('day');
		const progress = page.getByRole('progressbar', { name: 'Rows read' });
		await progress.waitFor();
		seen.explore.progress = Number(await progress.getAttribute('value'));
		await accessible('a question on its way');
		/* The request is given up, at which the server ends the query. */
		await Promise.all([page.waitForEvent('requestfailed', (r) => r.url().includes(asked)), page.getByRole('button', { name: 'Cancel', exact: true }).click()]);
		await page.getByText('The query was cancelled').waitFor();
		seen.explore.cancelled = true;
		await page.unroute('**/api/v1/graph?*');
		await page.unroute('**/api/v1/queries');

		for (const shape of ['line', 'heat', 'sankey', 'table']) {
			await open(`explore-${shape}`, 'explore', { by: 'src_addr,service_port', as: shape });
			await page.locator(shape === 'table' ? '[role=gridcell]' : '.canvas canvas').first().waitFor();
			await accessible(view);
		}
		seen.explore.table = await page.locator('.rows .line').evaluateAll((rows) =>
			rows.map((r) => [...r.querySelectorAll('[role=gridcell]')].map((c) => c.querySelector('span[title]')?.title || c.innerText.trim())),
		);
		/* Only this, and without it: the filter grows. */
		await page.getByRole('row').nth(1).getByRole('button', { name: /^Only / }).first().click();
		seen.explore.only = new URLSearchParams(page.url().split('?')[1]).get('q');
		await settled();
	},

	async filter() {
		await open('filter', 'flows');
		const input = page.getByRole('combobox', { name: 'Filter of flows' });
		await input.fill('dst por');
		await page.getByRole('option', { name: /^port / }).waitFor();
		await input.press('ArrowDown');
		await input.press('Enter');
		seen.completed = await input.inputValue();
		await input.fill('src ip 10.0.0.0/8 and dst port nonsense');
		await page.locator('mark').waitFor({ state: 'attached' });
		seen.marked = await page.locator('mark').textContent();
		await accessible('a filter with a mistake');
		await input.fill('proto udp and dst port 53');
		await input.press('Enter');
		await page.waitForFunction(() => location.hash.includes('q='));
		await settled();
		seen.filtered = number(await page.locator('h1 ~ p b').innerText());
	},

	async flows() {
		await open('flows', 'flows');
		seen.flows = { count: number(await page.locator('h1 ~ p b').innerText()) };
		const grid = page.getByRole('grid', { name: 'Flows' });
		await grid.locator('[role=gridcell]').first().waitFor();
		await everyWidth();
		/* To the end: the oldest flow, without all before it having been asked for. */
		await grid.focus();
		await page.keyboard.press('End');
		await settled();
		await page.waitForFunction((n) => document.querySelector(`[aria-rowindex="${n}"] [role=gridcell]`)?.innerText, seen.flows.count + 1);
		seen.flows.last = await page.locator(`[aria-rowindex="${seen.flows.count + 1}"] [role=gridcell]`).allInnerTexts();
		await page.keyboard.press('Enter');
		const flow = page.getByRole('complementary', { name: 'The flow' });
		await flow.getByRole('button', { name: 'Follow both ways' }).click();
		await flow.locator('.both ol li').first().waitFor();
		seen.flows.details = await flow.locator('dl').last().innerText();
		seen.flows.both = await flow.locator('.both ol li').count();
		await accessible('the details of a flow');
		await page.keyboard.press('Escape');
		await flow.waitFor({ state: 'detached' });
	},

	async exporters() {
		await open('exporters', 'exporters');
		const grid = page.getByRole('grid', { name: 'Exporters' });
		const heads = await grid.getByRole('columnheader').allInnerTexts();
		const lines = await grid.locator('.rows .line').evaluateAll((rows) => rows.map((r) => [...r.querySelectorAll('[role=gridcell]')].map((c) => c.querySelector('span[title]')?.title || c.innerText.trim())));
		seen.exporters = lines.map((cells) => Object.fromEntries(cells.map((cell, i) => [heads[i], cell])));
		await page.getByRole('button', { name: 'Add a device' }).click();
		await page.getByRole('option', { name: /MikroTik/ }).click();
		await page.getByLabel("This machine's address").fill('192.0.2.77');
		await page.getByRole('button', { name: 'Put it in' }).click();
		await page.waitForFunction(() => document.querySelector('pre')?.innerText.includes('192.0.2.77'));
		seen.device = await page.locator('pre').innerText();
		await everyWidth();
	},

	async host() {
		await open('host', `host/${what.host}`);
		seen.host = { received: await figure('Received'), sent: await figure('Sent') };
		await everyWidth();
	},

	async events() {
		await open('events', 'events');
		await everyWidth();
	},

	async matrix() {
		await open('matrix', 'matrix');
		const cells = page.locator('.grid .cell');
		await cells.first().waitFor();
		seen.matrix = { cells: await cells.evaluateAll((all) => all.map((c) => [c.dataset.src || 'unknown', c.dataset.dst || 'unknown', Number(c.dataset.bytes)])), new: await page.locator('.grid .cell.fresh').count() };
		await everyWidth();

		/* An edge, its services, and the flows behind it. */
		const busiest = seen.matrix.cells.reduce((a, b) => (b[2] > a[2] ? b : a));
		seen.matrix.chosen = busiest.slice(0, 2);
		await page.locator(`.grid .cell[data-bytes="${busiest[2]}"]`).first().click();
		const edge = page.getByRole('region', { name: `${busiest[0]} → ${busiest[1]}` });
		await edge.locator('.services tbody tr').first().waitFor();
		await settled();
		seen.matrix.services = await edge.locator('.services tbody tr').evaluateAll((rows) => rows.map((r) => Number(r.dataset.bytes)));
		if (what.pictures) await page.screenshot({ path: `${what.pictures}/matrix-edge.png` });
		await accessible('an edge of the matrix');

		/* Approve it, with the reason, and take that back. */
		await edge.getByLabel('why').fill("it's \\ looked at");
		await edge.getByRole('button', { name: 'Approve', exact: true }).click();
		const back = edge.getByRole('button', { name: 'Take approval back', exact: true });
		await back.waitFor();
		seen.matrix.kept = true;
		await back.click();
		await edge.getByRole('button', { name: 'Approve', exact: true }).waitFor();
		seen.matrix.taken = true;
		await edge.getByLabel('why').fill("it's \\ looked at");
		await edge.getByRole('button', { name: 'Approve', exact: true }).click();
		await back.waitFor();

		await edge.getByRole('link', { name: 'Flows', exact: true }).click();
		await page.getByRole('grid', { name: 'Flows' }).locator('[role=gridcell]').first().waitFor();
		await settled();
		seen.matrix.flows = number(await page.locator('h1 ~ p b').innerText());

		for (const shape of ['graph', 'list']) {
			await open(`matrix-${shape}`, 'matrix', { as: shape });
			await page.locator(shape === 'graph' ? '.canvas canvas' : '[role=gridcell]').first().waitFor();
			await accessible(view);
			if (what.pictures) await page.screenshot({ path: `${what.pictures}/${view}.png` });
		}
		await open('matrix-filtered', 'matrix', { q: 'dst port 53' });
		await cells.first().waitFor();
		seen.matrix.filtered = await cells.evaluateAll((all) => all.map((c) => [c.dataset.src || 'unknown', c.dataset.dst || 'unknown', Number(c.dataset.bytes)]));

		await open('matrix-subnets', 'matrix', { by: 'subnet' });
		await everyWidth();

		/* Against the day before, where there was another edge. */
		await open('matrix-diff', 'matrix');
		await page.getByLabel('compared with').selectOption('day');
		await page.waitForFunction(() => location.hash.includes('compare=day'));
		await settled();
		seen.matrix.gone = await page.locator('.grid .cell[data-src="attic"][data-dst="cellar"] .flag', { hasText: 'gone' }).count() === 1;
		await everyWidth();
	},

	/* On a server with users: a wrong password, each role, what an operator says of events, and too many attempts. */
	async people() {
		refusals = true;
		const name = page.getByLabel('Name', { exact: true });
		const logIn = async (who, password) => {
			await name.fill(who);
			await page.getByLabel('Password', { exact: true }).fill(password);
			await page.getByRole('button', { name: 'Log in' }).click();
		};
		const logOut = async (who) => {
			await page.getByRole('button', { name: `Log out ${who}` }).click();
			await name.waitFor();
		};
		view = 'log-in';
		await page.goto(what.base);
		await name.waitFor();
		for (const [width, height] of WIDTHS) {
			await page.setViewportSize({ width, height });
			const wide = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
			if (wide[0] > wide[1]) wrong.push(`log-in: ${wide[0]} pixels wide in a window of ${wide[1]}`);
			await page.evaluate((theme) => (document.documentElement.dataset.theme = theme), width === 3840 ? 'dark' : 'light');
			await accessible(`log-in at ${width}`);
			if (what.pictures) await page.screenshot({ path: `${what.pictures}/log-in-${width}.png` });
		}
		await page.setViewportSize({ width: 1440, height: 900 });
		await page.evaluate(() => (document.documentElement.dataset.theme = 'light'));
		await logIn('vic', 'not the password');
		await page.getByRole('alert').waitFor();
		seen.people = { refused: await page.getByRole('alert').innerText() };

		await logIn('vic', what.password);
		await page.locator('main[data-view]').waitFor();
		await open('viewer', 'events');
		await page.locator('tbody .what').first().click();
		seen.people.viewer = [await page.getByRole('button', { name: 'Acknowledge', exact: true }).count(), await page.getByText('is for operators').count()];
		await open('viewer-matrix', 'matrix');
		await page.locator('.grid .cell').first().click();
		await page.locator('.services tbody tr').first().waitFor();
		await settled();
		seen.people.viewer.push(await page.getByRole('button', { name: /^Approve/ }).count());
		await logOut('vic');

		await logIn('olga', what.password);
		await page.locator('main[data-view]').waitFor();
		await open('operator', 'events', { state: 'all' });
		seen.people.told = [];
		for (const [button, i] of [['Acknowledge', 0], ['Silence', 1]]) {
			await page.locator('tbody .what').nth(i).click();
			const panel = page.getByRole('region', { name: 'The event' });
			await panel.getByLabel('Comment').fill(`${button}: it's "seen" \\ 100%`);
			await panel.getByRole('button', { name: button, exact: true }).click();
			await panel.getByText(/ by olga/).waitFor();
			await settled();
			seen.people.told.push([new URLSearchParams(page.url().split('?')[1]).get('event'), await panel.locator('dl').innerText()]);
			await accessible(`an event, ${button}`);
			await panel.getByRole('button', { name: 'Close' }).click();
			await panel.waitFor({ state: 'detached' });
		}
		await logOut('olga');

		await logIn('ada', what.password);
		await page.locator('main[data-view]').waitFor();
		seen.people.administrator = await page.evaluate(async () => (await fetch('api/v1/audit')).status);
		await logOut('ada');

		for (let i = 0; i < 30 && !seen.people.limited; i++) {
			await logIn('eve', `guess ${i}`);
			await page.getByRole('button', { name: 'Log in' }).and(page.locator(':enabled')).waitFor();
			const said = await page.getByRole('alert').innerText();
			if (said.includes('too many')) seen.people.limited = said;
		}
		refusals = false;
	},

	/* By keys alone: skip links, views by letters, the theme. */
	async keys() {
		await page.goto('about:blank');
		await open('keys', '');
		await page.keyboard.press('Tab');
		seen.first = await page.evaluate(() => document.activeElement.innerText);
		await page.keyboard.press('Enter');
		seen.skipped = await page.evaluate(() => document.activeElement.id);
		await page.keyboard.press('g');
		await page.keyboard.press('x');
		await page.getByRole('heading', { name: 'Exporters', level: 1 }).waitFor();
		await page.getByRole('button', { name: 'Dark theme' }).click();
		seen.theme = await page.evaluate(() => document.documentElement.dataset.theme);
		await settled();
	},
};

for (const name of what.views ?? Object.keys(VIEWS)) {
	const began = Date.now();
	try {
		await VIEWS[name]();
	} catch (error) {
		wrong.push(`${name}: ${error.stack.split('\n').slice(0, 6).join(' ')}`);
		if (what.pictures) await page.screenshot({ path: `${what.pictures}/failed-${name}.png` }).catch(() => {});
	}
	seconds[name] = (Date.now() - began) / 1000;
}
await browser.close();
console.log(JSON.stringify({ wrong, seen, seconds }));
