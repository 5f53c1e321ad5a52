"""The browser package: its built assets are in `dist` (`npm run build`), found with `importlib.resources`."""
