// Written by scripts/build.ts. Do not edit.


