// Runs before the first paint, so that a kept theme does not flash. Not a module on purpose:
// modules wait for the page.
try {
  const kept = localStorage.getItem('seyfert-theme');
  if (kept === 'light' || kept === 'dark') document.documentElement.dataset.theme = kept;
} catch {
  // A browser that keeps nothing follows the system.
}
