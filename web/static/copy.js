// Copy buttons: <button data-copy="text">. The answer is said in the page's live region.
let timer = 0;

function say(toast, text) {
  toast.textContent = text;
  toast.classList.add('on');
  clearTimeout(timer);
  timer = setTimeout(() => {
    toast.classList.remove('on');
    toast.textContent = '';
  }, 1800);
}

export function startCopy() {
  const toast = document.querySelector('.toast');
  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-copy]');
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      say(toast, toast.dataset.copied);
    } catch {
      say(toast, toast.dataset.failed);
    }
  });
}
