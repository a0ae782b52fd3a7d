// Passkeys: <form data-passkey="create|get" data-begin="URL">. The question is fetched from the
// node, the browser asks its user, and the form is sent on with the answer.
const clear = (form) => {
  form.elements.ceremony.value = '';
  form.elements.answer.value = '';
};

function say(form, word) {
  const said = form.querySelector('[data-said]');
  said.textContent = word ? said.dataset[word] : '';
  said.hidden = !word;
}

// answer runs one ceremony and fills the form in. It returns why it could not, or nothing.
async function answer(form, kind) {
  const can = window.PublicKeyCredential;
  if (!can?.parseCreationOptionsFromJSON || !can.prototype.toJSON) return 'unsupported';
  const asked = await fetch(form.dataset.begin, {
    method: 'POST', body: new URLSearchParams(new FormData(form)),
  });
  if (!asked.ok) return 'failed';
  const { ceremony, ask } = await asked.json();
  const made = kind === 'create'
    ? await navigator.credentials.create({ publicKey: can.parseCreationOptionsFromJSON(ask) })
    : await navigator.credentials.get({ publicKey: can.parseRequestOptionsFromJSON(ask) });
  form.elements.ceremony.value = ceremony;
  form.elements.answer.value = JSON.stringify(made.toJSON());
  return '';
}

async function submitted(event) {
  const form = event.target;
  const kind = form.dataset.passkey;
  const button = event.submitter;
  if (!kind || form.elements.answer.value || button?.value === 'decline') return;
  event.preventDefault();
  if (form.ariaBusy === 'true') return;
  form.ariaBusy = 'true';
  say(form, '');
  let wrong;
  try {
    wrong = await answer(form, kind);
  } catch (error) {
    // The same name stands for a person who said no and for a passkey that is not there.
    wrong = error.name === 'NotAllowedError' ? 'cancelled' : 'failed';
    if (error.name === 'InvalidStateError') wrong = 'known';
  }
  form.ariaBusy = 'false';
  if (wrong) say(form, wrong);
  else form.requestSubmit(button);
}

export function startPasskeys() {
  document.addEventListener('submit', submitted);
  // A page that comes back from the browser's memory holds an answer that was used.
  window.addEventListener('pageshow', () => {
    document.querySelectorAll('form[data-passkey]').forEach(clear);
  });
  document.documentElement.dataset.passkeys = 'ready';
}
