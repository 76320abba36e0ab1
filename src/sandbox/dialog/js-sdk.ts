/** Returns a fake `connect.facebook.net/…/sdk.js`: FB.init, and FB.login with a popup of this sandbox. */
export function jsSdk(publicUrl: string): string {
  return `(function () {
  'use strict';
  var base = ${JSON.stringify(publicUrl)};
  var settings = {};
  var waiting = null;
  window.addEventListener('message', function (event) {
    if (event.origin !== new URL(base).origin || waiting === null) return;
    var data;
    try { data = JSON.parse(event.data); } catch (error) { return; }
    if (data && data.type === 'SANDBOX_SILENT') waiting = null;
    if (!data || data.type !== 'SANDBOX_LOGIN') return;
    var callback = waiting;
    waiting = null;
    callback(data.response);
  });
  window.FB = {
    init: function (options) { settings = options || {}; },
    login: function (callback, options) {
      if (!settings.appId || !settings.version) throw new Error('FB.login() called before FB.init().');
      options = options || {};
      waiting = callback;
      var query = new URLSearchParams({
        client_id: settings.appId,
        display: 'popup',
        sandbox_sdk_origin: location.origin,
        response_type: options.response_type || 'token'
      });
      ['config_id', 'scope', 'auth_type'].forEach(function (name) {
        if (options[name]) query.set(name, options[name]);
      });
      if (options.override_default_response_type) query.set('override_default_response_type', 'true');
      if (options.return_scopes) query.set('return_scopes', 'true');
      if (options.extras) query.set('extras', JSON.stringify(options.extras));
      var dialog = base + '/www.facebook.com/' + settings.version + '/dialog/oauth?' + query;
      var popup = window.open(dialog, 'fblogin', 'width=600,height=700');
      var timer = setInterval(function () {
        if (popup && !popup.closed) return;
        clearInterval(timer);
        setTimeout(function () {
          if (waiting !== callback) return;
          waiting = null;
          callback({ authResponse: null, status: 'unknown' });
        }, 500);
      }, 300);
    },
    getLoginStatus: function (callback) { callback({ status: 'unknown', authResponse: null }); },
    logout: function (callback) { if (callback) callback({ status: 'unknown', authResponse: null }); },
    AppEvents: { logPageView: function () {} }
  };
  if (typeof window.fbAsyncInit === 'function') window.fbAsyncInit();
})();
`;
}
