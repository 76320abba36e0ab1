/**
 * What the Embedded Signup page does (META.md 8). The session message and the callback of `FB.login` come in either order, so a
 * code waits a little for the ids; it lives 30 seconds. Every `FINISH…` event is a success; a report of an error is a CANCEL as well.
 */
export const SIGNUP_SCRIPT = `
(function () {
  'use strict';
  var setup = JSON.parse(document.getElementById('setup').textContent);
  var text = document.getElementById('text');
  var start = document.getElementById('start');
  var back = document.getElementById('back');
  var WAIT_FOR_IDS_MS = 3000;
  var ids = null, code = null, timer = null, sent = false;

  function say(words) { text.textContent = words; }
  function trusted(origin) {
    if (setup.messageOrigin.charAt(0) !== '.') return origin === setup.messageOrigin;
    return origin === 'https://' + setup.messageOrigin.slice(1) || (origin.indexOf('https://') === 0 && origin.slice(-setup.messageOrigin.length) === setup.messageOrigin);
  }
  function post(path, body) {
    return fetch(setup.basePath + path, { method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json', Accept: 'application/json' }, body: JSON.stringify(body) })
      .then(function (answer) { return answer.json(); })
      .then(function (answer) {
        if (answer.redirect_to) { location.assign(answer.redirect_to); return; }
        say((answer.detail || 'This did not work.') + ' ' + (answer.remedy || ''));
      })
      .catch(function () { say('This service could not be reached. Reload the page and try again.'); });
  }
  function complete() {
    if (sent || code === null) return;
    sent = true;
    clearTimeout(timer);
    say('One moment\\u2026');
    start.disabled = true;
    back.hidden = true;
    var body = { code: code };
    ['waba_id', 'phone_number_id', 'business_id'].forEach(function (name) {
      var id = ids && ids[name];
      if (id !== undefined && id !== null && /^[0-9]{1,32}$/.test(String(id))) body[name] = String(id);
    });
    post('/complete', body);
  }
  function stopped(words) {
    if (sent) return;
    say(words);
    start.disabled = false;
    start.textContent = 'Try again';
    back.hidden = false;
  }

  window.addEventListener('message', function (event) {
    if (!trusted(event.origin) || typeof event.data !== 'string') return;
    var message;
    try { message = JSON.parse(event.data); } catch (error) { return; }
    if (!message || message.type !== 'WA_EMBEDDED_SIGNUP') return;
    var data = message.data || {};
    if (typeof message.event === 'string' && message.event.indexOf('FINISH') === 0) {
      ids = data;
      if (code !== null) complete();
    } else if (data.error_message || message.event === 'ERROR') {
      stopped('Meta reported a problem, so nothing was connected.');
    } else {
      stopped('The signup was left before its end, so nothing was connected.');
    }
  });
  start.addEventListener('click', function () {
    ids = null;
    code = null;
    say('Go on in the window of Meta.');
    FB.login(function (response) {
      var given = response && response.authResponse && response.authResponse.code;
      if (!given) { stopped('The signup was left before its end, so nothing was connected.'); return; }
      code = given;
      if (ids !== null) complete(); else timer = setTimeout(complete, WAIT_FOR_IDS_MS);
    }, {
      config_id: setup.sdk.config_id || undefined,
      scope: setup.sdk.scope || undefined,
      response_type: setup.sdk.response_type,
      override_default_response_type: setup.sdk.override_default_response_type,
      extras: setup.sdk.extras
    });
  });
  back.addEventListener('click', function () { post('/cancel', {}); });
  window.fbAsyncInit = function () {
    FB.init({ appId: setup.sdk.app_id, autoLogAppEvents: true, xfbml: true, version: setup.sdk.version });
    start.disabled = false;
  };
})();
`;
