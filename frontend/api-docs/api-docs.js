// Starts Swagger UI on /api/docs. Requests go to this server as whoever is signed in, or with the token that is typed in.
const place = document.getElementById("api");

/** Light or dark, as the pages are: by the cookie, else as the system says. */
function isDark() {
  const chosen = /(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1];
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

document.documentElement.classList.toggle("dark-mode", isDark());
place.replaceChildren();
SwaggerUIBundle({
  url: place.dataset.description,
  domNode: place,
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  tryItOutEnabled: false,
  // Nothing is asked of anybody else.
  validatorUrl: null,
});
