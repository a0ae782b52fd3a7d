// The time left of an offer. The server says when it ends and what its own clock showed, so
// that a wrong clock in the browser does not matter; the server also decides what has expired.
//
// <div data-until="ms" data-now="ms" data-whole="seconds" data-say="{0} seconds left">
//   <svg class="ring">, <b data-left>, <span data-announce aria-live="polite">
const spoken = [60, 15]; // seconds at which the time left is announced, and only then

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function follow(timer) {
  const { until, now, whole, say } = timer.dataset;
  const end = performance.now() + (Number(until) - Number(now));
  const ring = timer.querySelector('.ring');
  let last = -1;
  const tick = () => {
    if (!timer.isConnected) return clearInterval(beat);
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    if (left === last) return;
    timer.querySelector('[data-left]').textContent = clock(left);
    ring.style.setProperty('--off', String(100 - Math.min(100, (100 * left) / Number(whole))));
    const passed = spoken.find((s) => left <= s && (last > s || left === s));
    if (passed) {
      timer.querySelector('[data-announce]').textContent = say.replace('{0}', String(left));
    }
    last = left;
    if (left === 0) clearInterval(beat);
  };
  const beat = setInterval(tick, 250);
  tick();
}

export function startCountdowns(root = document) {
  for (const timer of root.querySelectorAll('[data-until]')) {
    if (timer.dataset.started) continue;
    timer.dataset.started = 'yes';
    follow(timer);
  }
}
