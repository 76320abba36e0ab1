/**
 * What the Embedded Signup page does (META.md 8). The session message and the callback of `FB.login` come in either order, so a
 * code, which is valid for 30 seconds, waits a little for the ids. Every `FINISH…` event is a success; errors are reported as CANCEL.
 * Posting again is safe: an attempt's code is exchanged once.
 */
export const SIGNUP_SCRIPT = `
(function () {
  'use strict';
  var setup = JSON.parse(document.getElementById('setup').textContent);
  var text = document.getElementById('text');
  var start = document.getElementById('start');
  var back = document.getElementById('back');
  var WAIT_FOR_SDK_MS = 15000, WAIT_FOR_IDS_MS = 3000, POST_AGAIN_MS = 2000, POSTS = 4;
  var LEFT = 'The signup was left before its end, so nothing was connected. If no window of Meta opened, allow pop-ups for this page.';
  var BLOCKED = 'Meta\\u2019s part of this page did not load. If something here blocks ads or trackers, allow this page to load it.';
  var AWAY = 'This service could not be reached. Look at your connection, and send it again soon.';
  var ids = null, code = null, report = null, timer = null, sent = false, attempt = 0, act = login;

  function say(message) { text.textContent = message; }
  function offer(label, action) { start.textContent = label; act = action; start.disabled = false; }
  function reload() { location.reload(); }
  function trusted(origin) {
    if (setup.messageOrigin.charAt(0) !== '.') return origin === setup.messageOrigin;
    return origin === 'https://' + setup.messageOrigin.slice(1) || (origin.indexOf('https://') === 0 && origin.slice(-setup.messageOrigin.length) === setup.messageOrigin);
  }
  function send(path, body, posts) {
    var options = { method: 'POST', credentials: 'same-origin', headers: { 'Content-Type': 'application/json', Accept: 'application/json' }, body: JSON.stringify(body) };
    start.disabled = true;
    back.hidden = true;
    say('One moment\\u2026');
    fetch(setup.basePath + path + setup.query, options).then(function (response) {
      return response.json().then(function (result) {
        if (result.redirect_to) { location.assign(result.redirect_to); return; }
        say((result.detail || 'This did not work.') + ' ' + (result.remedy || ''));
        offer('Start again', reload);
      });
    }).catch(function () {
      if (posts > 1) { setTimeout(function () { send(path, body, posts - 1); }, POST_AGAIN_MS); return; }
      say(AWAY);
      offer('Send again', function () { send(path, body, POSTS); });
    });
  }
  function complete() {
    if (sent || code === null) return;
    sent = true;
    clearTimeout(timer);
    var body = { code: code };
    ['waba_id', 'phone_number_id', 'business_id'].forEach(function (name) {
      var id = ids && ids[name];
      if (id !== undefined && id !== null && /^[0-9]{1,32}$/.test(String(id))) body[name] = String(id);
    });
    send('/complete', body, POSTS);
  }
  function stop() {
    if (sent || code !== null) return;
    say(report || LEFT);
    offer('Try again', login);
    back.hidden = false;
  }
  function problemOf(data) {
    function detail(name, label) { return /^[\\w-]{1,64}$/.test(String(data[name] || '')) ? ', ' + label + ' ' + data[name] : ''; }
    return 'Meta reported a problem' + detail('error_code', 'code') + detail('session_id', 'session') + ', so nothing was connected.';
  }
  function login() {
    var current = attempt += 1;
    ids = code = report = null;
    say('Go on in the window of Meta.');
    try {
      FB.login(function (response) {
        // The window of an earlier attempt closed late.
        if (current !== attempt) return;
        code = (response && response.authResponse && response.authResponse.code) || null;
        if (code === null) stop();
        else if (ids !== null) complete();
        else timer = setTimeout(complete, WAIT_FOR_IDS_MS);
      }, {
        config_id: setup.sdk.config_id || undefined,
        scope: setup.sdk.scope || undefined,
        auth_type: setup.sdk.auth_type || undefined,
        response_type: setup.sdk.response_type,
        override_default_response_type: setup.sdk.override_default_response_type,
        extras: setup.sdk.extras
      });
    } catch (error) { stop(); }
  }

  window.addEventListener('message', function (event) {
    if (!trusted(event.origin)) return;
    var message = event.data;
    if (typeof message === 'string') {
      try { message = JSON.parse(message); } catch (error) { return; }
    }
    if (!message || message.type !== 'WA_EMBEDDED_SIGNUP') return;
    var data = message.data || {};
    if (typeof message.event === 'string' && message.event.indexOf('FINISH') === 0) {
      ids = data;
      complete();
      return;
    }
    if (data.error_message || data.error_code || message.event === 'ERROR') report = problemOf(data);
    stop();
  });
  start.addEventListener('click', function () { act(); });
  back.addEventListener('click', function () { sent = true; send('/cancel', {}, POSTS); });
  // The back button restored a page that is already done.
  window.addEventListener('pageshow', function (event) { if (event.persisted) reload(); });

  function blocked() { say(BLOCKED); offer('Load again', reload); }
  var slow = setTimeout(blocked, WAIT_FOR_SDK_MS);
  window.addEventListener('error', function (event) { if (event.target && event.target.id === 'sdk') blocked(); }, true);
  window.fbAsyncInit = function () {
    clearTimeout(slow);
    FB.init({ appId: setup.sdk.app_id, autoLogAppEvents: true, xfbml: true, version: setup.sdk.version });
    say(setup.welcome);
    offer('Continue with Facebook', login);
  };
})();
`;
