import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/tip.css';
import licence from '@fontsource-variable/inter/LICENSE?url';
import { mount } from 'svelte';
import App from './App.svelte';

/* The font's licence goes where the font goes. */
const link = document.createElement('link');
link.rel = 'license';
link.href = licence;
document.head.append(link);

mount(App, { target: document.getElementById('page')! });
