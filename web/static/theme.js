// The light and dark switch. The choice is kept in this browser only.
const root = document.documentElement;

function dark() {
  if (root.dataset.theme) return root.dataset.theme === 'dark';
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

export function startTheme() {
  document.addEventListener('click', (event) => {
    if (!event.target.closest('[data-theme-toggle]')) return;
    root.dataset.theme = dark() ? 'light' : 'dark';
    try {
      localStorage.setItem('seyfert-theme', root.dataset.theme);
    } catch {
      // Not kept: the choice lasts as long as the page.
    }
  });
}
