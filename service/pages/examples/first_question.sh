#!/bin/sh
# Enrol a terminal and ask its first question: sh first_question.sh http://127.0.0.1:8080 7K3M-9QXT-2HPD
# Needs curl and OpenSSL 3. The key is made in ./terminal.pem; keep it where only the terminal reads it.
set -eu
base_url=${1%/} code=$2
authority=${base_url#*://}

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

openssl genpkey -algorithm ed25519 -out terminal.pem
public() { openssl pkey -in terminal.pem -pubout -outform DER | tail -c 32; }

# The key id: SHA-256 over the public key written as a JWK, with exactly these bytes.
key_id=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$(public | base64url)" | openssl dgst -sha256 -binary | base64url)

post() {  # post PATH BODY: one signed request; every attempt is signed anew
    digest="sha-256=:$(printf %s "$2" | openssl dgst -sha256 -binary | openssl base64 -A):"
    parameters="(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-type\" \"content-digest\")"
    parameters="$parameters;created=$(date +%s);keyid=\"$key_id\";alg=\"ed25519\""
    parameters="$parameters;nonce=\"$(openssl rand 18 | base64url)\";tag=\"greenlane\""
    printf '"@method": POST\n"@authority": %s\n"@path": %s\n"@query": ?\n"content-type": application/json\n' \
        "$authority" "$1" >signed.txt
    printf '"content-digest": %s\n"@signature-params": %s' "$digest" "$parameters" >>signed.txt
    signature=$(openssl pkeyutl -sign -rawin -inkey terminal.pem -in signed.txt | openssl base64 -A)
    curl --silent --show-error --max-time 5 "$base_url$1" --data-binary "$2" --write-out '\n' \
        -H 'Content-Type: application/json' -H 'Greenlane-Wire: 2' -H "Content-Digest: $digest" \
        -H "Signature-Input: greenlane=$parameters" -H "Signature: greenlane=:$signature:"
}

me=$(post /v1/enrolments "{\"code\":\"$code\",\"public_key\":\"$(public | openssl base64 -A)\"}")
echo "$me" >&2
field() { printf %s "$me" | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }
lane=$(field lane) station=$(field station) now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
post /v1/authorisations "{\"visit\":\"$lane-$(date +%s)\",\"station\":\"$station\",\"lane\":\"$lane\",\"plate\":\"粤B12345\",\"typed\":false,\"captured_at\":\"$now\",\"confidence\":0.98,\"weakest\":0.97}"
