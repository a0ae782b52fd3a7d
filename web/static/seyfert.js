// What the pages do by themselves. Everything else is the server's, and every page reads and
// works without this file except that it does not move on by itself.
import { startClock } from './clock.js';
import { startCopy } from './copy.js';
import { startCountdowns } from './countdown.js';
import { startHandOver } from './handover.js';
import { startPasskeys } from './passkeys.js';
import { startTheme } from './theme.js';

startTheme();
startClock();
startCopy();
startCountdowns();
startHandOver();
startPasskeys();
document.addEventListener('htmx:afterSettle', () => startCountdowns());
