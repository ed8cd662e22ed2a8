"""Look up known vulnerabilities of the packages in lock files with pip-audit.

Fails if there are any. A package that could not be looked up is reported and does not fail: the service that knows the
vulnerabilities cannot be reached from everywhere, and a mirror of the package index does not have it.

Usage: audit.py PIP_AUDIT LOCK_FILE...
"""

import json
import subprocess
import sys
from typing import Any


def main(pip_audit: str, *lock_files: str) -> int:
    """Audit the lock files and return the exit status."""
    requirements = [argument for path in lock_files for argument in ("--requirement", path)]
    command = [pip_audit, "--format=json", "--progress-spinner=off", "--disable-pip", "--require-hashes", *requirements]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(result.stdout)["dependencies"]
    except ValueError:
        is_unreachable = any(word in result.stderr for word in ("Connection", "Timeout", "ProxyError"))
        reason = result.stderr.strip().rpartition("\n")[2] if is_unreachable else result.stderr
        print(f"pip-audit: NOT AUDITED: {'its service cannot be reached' if is_unreachable else 'it failed'}: {reason}")
        return 0 if is_unreachable else 1
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    vulnerable = [package for package in packages if package.get("vulns")]
    for package in vulnerable:
        for vulnerability in package["vulns"]:
            fixed = ", ".join(vulnerability.get("fix_versions", [])) or "no version"
            print(f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}")
    if skipped:
        names = "no package was found in its service" if len(skipped) == len(packages) else ", ".join(skipped)
        print(f"pip-audit: NOT AUDITED: {len(skipped)} of {len(packages)} packages ({names}).")
    print(f"pip-audit: {len(packages) - len(skipped)} packages audited, {len(vulnerable)} with known vulnerabilities.")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
