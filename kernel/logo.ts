/** The kernel's logo as it stands in the launcher of JupyterLab: an open book with a prompt on its right page. */
export const logoSvg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img" aria-label="kernelbook">
  <rect x="2" y="6" width="60" height="52" rx="8" fill="#235a97"/>
  <path d="M32 17c-5-4-12-5-20-5v34c8 0 15 1 20 5z" fill="#fff"/>
  <path d="M32 17c5-4 12-5 20-5v34c-8 0-15 1-20 5z" fill="#dbe8f6"/>
  <path d="M16 22c4 0 8 .6 11 2M16 29c4 0 8 .6 11 2M16 36c4 0 8 .6 11 2" fill="none" stroke="#235a97" stroke-width="2.4" stroke-linecap="round"/>
  <path d="m38 24 6 5-6 6M45 36h4" fill="none" stroke="#b2431f" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/>
</svg>
`;
