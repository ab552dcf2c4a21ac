#!/usr/bin/env bash
# Draw the Mermaid diagrams of docs/ as docs/images/diagram-HASH.svg. Needs Node.js and Chromium;
# run it after a diagram was changed. GitHub draws the diagrams itself, the site shows these.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PUPPETEER_SKIP_DOWNLOAD=1 npm install --silent --prefix "$work" @mermaid-js/mermaid-cli@11.17.0
echo '{"theme": "neutral", "htmlLabels": false, "flowchart": {"htmlLabels": false},
  "themeVariables": {"fontFamily": "sans-serif", "fontSize": "15px"}}' >"$work/theme.json"
echo "{\"executablePath\": \"$(command -v chromium)\", \"args\": [\"--no-sandbox\"]}" >"$work/chromium.json"
rm -f docs/images/diagram-*.svg
python3 - "$work" <<'EOF'
import hashlib, pathlib, re, sys
for page in pathlib.Path("docs").glob("*.md"):
    for diagram in re.findall(r"^```mermaid\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        name = hashlib.sha256(diagram.encode()).hexdigest()[:8]
        pathlib.Path(sys.argv[1], f"diagram-{name}.mmd").write_text(diagram)
EOF
for diagram in "$work"/*.mmd; do
    drawing=docs/images/$(basename "$diagram" .mmd).svg
    "$work/node_modules/.bin/mmdc" --quiet --input "$diagram" --backgroundColor white \
        --output "$drawing" \
        --configFile "$work/theme.json" --puppeteerConfigFile "$work/chromium.json"
    # its own width, where it would fill the page
    sed -i -E '1s/width="100%"([^>]*viewBox="0 0 ([0-9]+))/width="\2"\1/' "$drawing"
done
