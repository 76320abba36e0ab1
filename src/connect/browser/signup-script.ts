/**
 * Script of the Embedded Signup page (docs/meta-facts.md#embedded-signup). The session message and the callback of
 * `FB.login` arrive in either order, so a code, valid for 30 seconds, waits briefly for the ids. Every `FINISH…` event
 * is a success, reported at once because the pop-up often loses the code
 * (docs/meta-facts.md#full-page-embedded-signup); errors arrive as CANCEL. Reposting is safe: an attempt's code is
 * exchanged once. The full page is always linked, and stands out once the pop-up has failed.
 */
export const SIGNUP_SCRIPT = `
(function () {
  'use strict';
  var setup = JSON.parse(document.getElementById('setup').textContent);
  var text = document.getElementById('text');
  var start = document.getElementById('start');
  var back = document.getElementById('back');
  var full = document.getElementById('full');
  var WAIT_FOR_SDK_MS = 15000, WAIT_FOR_IDS_MS = 3000, WAIT_FOR_CODE_MS = 60000, WAIT_AFTER_END_MS = 15000, POST_AGAIN_MS = 2000, POSTS = 4;
  var LEFT = 'The signup was not completed, so nothing was connected. If no Meta window opened, allow pop-ups for this page or continue on the full page.';
  var LOST = 'Meta completed the signup, but its window did not return the result. Continue on the full page and choose the same account: Meta kept what you entered.';
  var QUIET = 'Still waiting for the Meta window. If it is open, continue there. If it is gone or stuck, continue on the full page.';
  var BLOCKED = 'Meta\\u2019s part of this page did not load and may be blocked. Continue on the full page, which does not need it.';
  var AWAY = 'We could not reach our server. Check your internet connection and try again soon.';
  var ids = null, word = null, code = null, problem = null, timer = null, watch = null, sent = false, attempt = 0, act = login;

  function say(message) { text.textContent = message; }
  function offer(label, action) { start.textContent = label; act = action; start.disabled = false; }
  function offerFullPage() { full.className = 'button'; full.textContent = 'Continue on the full page'; start.className = 'secondary'; }
  function reload() { location.reload(); }
  function trusted(origin) {
    if (setup.messageOrigin.charAt(0) !== '.') return origin === setup.messageOrigin;
    return origin === 'https://' + setup.messageOrigin.slice(1) || (origin.indexOf('https://') === 0 && origin.slice(-setup.messageOrigin.length) === setup.messageOrigin);
  }
  function post(path, body) {
    return fetch(setup.basePath + path + setup.query, { method: 'POST', keepalive: true, credentials: 'same-origin', headers: { 'Content-Type': 'application/json', Accept: 'application/json' }, body: JSON.stringify(body) });
  }
  function send(path, body, posts) {
    start.disabled = true;
    back.hidden = true;
    say('One moment\\u2026');
    post(path, body).then(function (response) {
      return response.json().then(function (result) {
        if (result.redirect_to) { location.assign(result.redirect_to); return; }
        say((result.detail || 'Something went wrong.') + ' ' + (result.remedy || ''));
        offer('Start again', reload);
      });
    }).catch(function () {
      if (posts > 1) { setTimeout(function () { send(path, body, posts - 1); }, POST_AGAIN_MS); return; }
      say(AWAY);
      offer('Send again', function () { send(path, body, POSTS); });
    });
  }
  function message() {
    var body = {};
    if (/^[A-Z_]{1,64}$/.test(word || '')) body.event = word;
    ['waba_id', 'phone_number_id', 'business_id'].forEach(function (name) {
      var id = ids && ids[name];
      if (id !== undefined && id !== null && /^[0-9]{1,32}$/.test(String(id))) body[name] = String(id);
    });
    return body;
  }
  function report(posts) {
    post('/report', message()).catch(function () {
      if (posts > 1) setTimeout(function () { report(posts - 1); }, POST_AGAIN_MS);
    });
  }
  function complete() {
    if (sent || code === null) return;
    sent = true;
    clearTimeout(timer);
    clearTimeout(watch);
    var body = message();
    body.code = code;
    send('/complete', body, POSTS);
  }
  function stop() {
    if (sent || code !== null) return;
    clearTimeout(watch);
    say(ids === null ? problem || LEFT : LOST);
    offer('Try again', login);
    offerFullPage();
    back.hidden = false;
  }
  function waitForCode(milliseconds) {
    clearTimeout(watch);
    watch = setTimeout(function () {
      if (sent || code !== null) return;
      say(ids === null ? QUIET : LOST);
      offer('Try again', login);
      offerFullPage();
      back.hidden = false;
    }, milliseconds);
  }
  function problemOf(data) {
    function detail(name, label) { return /^[\\w-]{1,64}$/.test(String(data[name] || '')) ? ', ' + label + ' ' + data[name] : ''; }
    return 'Meta reported a problem' + detail('error_code', 'code') + detail('session_id', 'session') + ', so nothing was connected.';
  }
  function login() {
    var current = attempt += 1;
    ids = word = code = problem = null;
    say('Continue in the Meta window.');
    waitForCode(WAIT_FOR_CODE_MS);
    try {
      FB.login(function (response) {
        // An earlier attempt's window closed late.
        if (current !== attempt) return;
        code = (response && response.authResponse && response.authResponse.code) || null;
        if (code === null) stop();
        else if (ids !== null) complete();
        else timer = setTimeout(complete, WAIT_FOR_IDS_MS);
      }, {
        config_id: setup.sdk.config_id,
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
      word = message.event;
      if (!sent) report(POSTS);
      if (code === null) waitForCode(WAIT_AFTER_END_MS);
      complete();
      return;
    }
    if (data.error_message || data.error_code || message.event === 'ERROR') problem = problemOf(data);
    stop();
  });
  start.addEventListener('click', function () { act(); });
  back.addEventListener('click', function () { sent = true; send('/cancel', {}, POSTS); });
  // The back button restored a completed page.
  window.addEventListener('pageshow', function (event) { if (event.persisted) reload(); });

  function blocked() { say(BLOCKED); offer('Load again', reload); offerFullPage(); }
  var slow = setTimeout(blocked, WAIT_FOR_SDK_MS);
  window.addEventListener('error', function (event) {
    if (event.target && event.target.id === 'sdk') { clearTimeout(slow); blocked(); }
  }, true);
  window.fbAsyncInit = function () {
    clearTimeout(slow);
    FB.init({ appId: setup.sdk.app_id, autoLogAppEvents: true, xfbml: true, version: setup.sdk.version });
    say(setup.welcome);
    offer('Continue with Facebook', login);
  };
})();
`;
