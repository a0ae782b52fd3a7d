// The page after an approval: it takes the receipt to the shop by itself, once. Who comes back
// to it finds the button.
export function startHandOver() {
  const form = document.querySelector('form[data-hand-over]');
  if (!form) return;
  const key = `seyfert-handed-over-${form.dataset.handOver}`;
  try {
    if (sessionStorage.getItem(key)) return;
    sessionStorage.setItem(key, 'yes');
  } catch {
    return; // A browser that remembers nothing would go in circles.
  }
  form.requestSubmit();
}
