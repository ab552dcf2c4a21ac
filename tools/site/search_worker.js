// Searching a site that was opened from a disk, where browsers start no workers: a hidden frame
// stands in for one. Material's search knows such frames by the name IFrameWorker.
if (location.protocol === "file:") {
    class IFrameWorker extends EventTarget {
        constructor(address) {
            super();
            const frame = document.createElement("iframe");
            frame.hidden = true;
            document.body.append(frame);
            this.scope = frame.contentWindow;
            this.scope.importScripts = (...names) => // one after another
                names.reduce((before, name) => before.then(() => this.load(name)), Promise.resolve());
            this.scope.postMessage = (data) =>
                this.dispatchEvent(new MessageEvent("message", { data }));
            this.ready = this.load(address);
        }

        load(address) {
            return new Promise((resolve, reject) => {
                const script = this.scope.document.createElement("script");
                script.src = address;
                script.onload = resolve;
                script.onerror = reject;
                this.scope.document.body.append(script);
            });
        }

        postMessage(data) {
            this.ready.then(() => this.scope.dispatchEvent(new MessageEvent("message", { data })));
        }
    }
    window.IFrameWorker = window.Worker = IFrameWorker;
}
