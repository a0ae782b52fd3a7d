// A clock that runs: <div data-clock="HH:MM:SS">. It counts on from what the server showed and
// is set right again by every answer of the server.
export function startClock() {
  setInterval(() => {
    for (const clock of document.querySelectorAll('[data-clock]')) {
      const start = Number(clock.dataset.started ?? (clock.dataset.started = performance.now()));
      const [h, m, s] = clock.dataset.clock.split(':').map(Number);
      const now = h * 3600 + m * 60 + s + Math.floor((performance.now() - start) / 1000);
      const two = (n) => String(n).padStart(2, '0');
      clock.textContent = [Math.floor(now / 3600) % 24, Math.floor(now / 60) % 60, now % 60]
        .map(two).join(':');
    }
  }, 500);
}
