import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/tip.css';
import { mount } from 'svelte';
import App from './App.svelte';

mount(App, { target: document.getElementById('page')! });
