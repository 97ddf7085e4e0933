"""The web interfaces in a real browser: a package, so that its fixtures end with it (Playwright holds an event loop)."""
