// The chat's own words, each in Vietnamese and in English. What the library says comes from the server.

let language = 0;

export const spoken = () => (language ? 'en' : 'vi');

export function speak(wanted) {
  language = Number(wanted === 'en');
}

/** Return the one of a pair that is in the language spoken; a pair of functions is asked for its words. */
export function text(pair, value) {
  const words = pair?.[language];
  return words?.call ? words(value) : words;
}

export const assistant = ['trợ lý tự động', 'automatic assistant'];
export const otherLanguage = ['English', 'Tiếng Việt'];
export const skip = ['Đến ô nhập tin nhắn', 'Go to the message box'];
export const menu = ['Thêm lựa chọn', 'More options'];
export const close = ['Đóng', 'Close'];
export const conversation = ['Cuộc trò chuyện', 'Conversation'];
export const library = ['Thư viện:', 'Library:'];
export const person = ['Thủ thư', 'Librarian'];
export const you = ['Bạn:', 'You:'];
export const about = ['Mình hỏi về cuốn này', 'About this book'];
export const typing = ['Thư viện đang trả lời…', 'The library is answering…'];
export const write = ['Hỏi thư viện…', 'Ask the library…'];
export const send = ['Gửi', 'Send'];
export const again = ['Gửi lại', 'Send again'];
export const offline = ['Đang mất kết nối. Bạn cứ gõ, mình gửi sau.', 'No connection. Keep typing, I will send it later.'];
export const renewed = [
  'Cuộc trò chuyện trước đã khép lại, mình mở cuộc mới nhé.',
  'The conversation before was closed, so I opened a new one.',
];
export const used = ['đã chọn', 'chosen'];
export const newTab = ['mở trang mới', 'opens a new page'];
export const latest = ['↓ Tin mới', '↓ New message'];
export const print = ['In', 'Print'];
export const helpful = ['Có ích không?', 'Helpful?'];
export const helped = ['Có ích', 'Yes, helpful'];
export const noHelp = ['Chưa có ích', 'No, not helpful'];
export const rated = ['Cảm ơn bạn đã cho biết.', 'Thank you for telling us.'];
export const printThis = ['In ký hiệu', 'Print call number'];
export const forget = ['Xoá cuộc trò chuyện khỏi máy này', 'Delete the conversation from this device'];
export const forgetWhy = [
  'Muốn thư viện cũng xoá, bạn nhắn “xoá dữ liệu của tôi” trước nhé.',
  'If the library should delete it too, first send “delete my data”.',
];
export const forgetNow = ['Xoá', 'Delete'];
export const keep = ['Giữ lại', 'Keep'];

/** What is said of a message that is neither being sent nor simply sent. */
export const states = {
  queued: ['Chưa có mạng, mình giữ lại và gửi sau.', 'No connection yet, I will send it later.'],
  busy: ['Đông người hỏi quá, lát nữa mình gửi lại.', 'Many are asking, I will send it again later.'],
  failed: ['Tin này chưa gửi được.', 'This message was not sent.'],
  handed: ['Thủ thư sẽ đọc tin này.', 'A librarian will read this.'],
};

export const news = [(count) => `Thư viện có ${count} tin mới.`, (count) => `New messages from the library: ${count}.`];
export const results = [(count) => `Có ${count} kết quả.`, (count) => `Results: ${count}.`];
export const choices = [(titles) => `Có nút để chọn: ${titles}.`, (titles) => `Buttons to choose from: ${titles}.`];
export const roomLeft = [(count) => `Còn ${count} ký tự`, (count) => `${count} characters left`];
export const tooLong = [(count) => `Dài quá ${count} ký tự, bạn rút gọn nhé.`, (count) => `${count} characters too long, please shorten it.`];
