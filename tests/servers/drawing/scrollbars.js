// The package is CommonJS with a default of its own, which bundlers read differently from an .mjs file.
export { default, Scrollbars } from 'scrollbars-as-installed';
