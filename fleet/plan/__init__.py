"""Stage 2. Fleet, playbook and release -> Plan: waves, strata, preview, digest. Pure but for reading and writing the files."""
