// The order of things at the start: texts and theme, then the session, then the pages.

import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import './styles/frame.css';

import { render } from 'preact';

import { enter } from './api/session';
import { App } from './app';
import { guardLeaving } from './lib/leave';
import { startRefresh } from './lib/refresh';
import { watchScroll } from './lib/scroll';
import { startTheme } from './lib/theme';
import { loadTexts } from './texts';

guardLeaving();
watchScroll();
startTheme();
startRefresh();
// Both at once: the texts are a file, the session a call.
void enter();
void loadTexts().then(() => {
  const root = document.getElementById('app');
  if (root !== null) render(<App />, root);
});
