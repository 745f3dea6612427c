"""The register of impact assessments (特定個人情報保護評価, art. 28), as the signed law register has it."""
