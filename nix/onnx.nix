# ONNX Runtime for `onnx:` models, native and as WebAssembly, from tools/onnx. FDNIX_ONNX_DIR names it. Only the files
# for this platform are kept, because the published packages have the binaries of all platforms, 430 MB.
{
  lib,
  stdenvNoCC,
  importNpmLock,
  nodejs_24,
}:
let
  inherit (stdenvNoCC.hostPlatform.node) platform arch;
  modules = importNpmLock.buildNodeModules {
    package = lib.importJSON ../tools/onnx/package.json;
    packageLock = lib.importJSON ../tools/onnx/package-lock.json;
    nodejs = nodejs_24;
    derivationArgs = {
      npmRebuildFlags = [ "--ignore-scripts" ];
      dontFixup = true;
    };
  };
in
stdenvNoCC.mkDerivation {
  pname = "fdnix-onnx-runtime";
  version = (lib.importJSON ../tools/onnx/package.json).dependencies.onnxruntime-node;
  dontUnpack = true;
  installPhase = ''
    mkdir -p $out/node_modules
    cd ${modules}/node_modules
    cp -r --no-preserve=mode onnxruntime-common onnxruntime-node onnxruntime-web $out/node_modules
    cd $out/node_modules
    for dir in onnxruntime-node/bin/*/*/*; do
      case $dir in */${platform}/${arch}) ;; *) rm -r "$dir" ;; esac
    done
    find onnxruntime-web/dist -type f ! -name 'ort.node.min.*js' ! -name 'ort-wasm-simd-threaded.mjs' \
      ! -name 'ort-wasm-simd-threaded.wasm' -delete
  '';
  dontFixup = true;
  meta = {
    description = "ONNX Runtime for the sentence encoders of fdnix";
    homepage = "https://onnxruntime.ai";
    license = lib.licenses.mit;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
  };
}
